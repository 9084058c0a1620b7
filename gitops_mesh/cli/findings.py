"""How findings are printed."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_mesh.cli.output import line
from gitops_mesh.model.findings import Finding, Severity

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def say_findings(findings: Sequence[Finding]) -> None:
    """One line a finding, `path:line:column: severity: message [rule]`, and what to do about it."""
    for finding in sorted(findings, key=lambda f: (f.path, f.line, f.column, f.rule)):
        place = f"{finding.path}:{finding.line}:{finding.column}: " if finding.path else ""
        line(f"{place}{finding.severity}: {finding.message} [{finding.rule}]", colour=COLOURS[finding.severity])
        if finding.remedy:
            line(f"  → {finding.remedy}")


def summary(findings: Sequence[Finding]) -> str:
    """`2 errors, 1 warning`"""
    counts = [(sum(f.severity is severity for f in findings), str(severity)) for severity in Severity]
    said = [f"{count} {name}{'' if count == 1 or name == 'info' else 's'}" for count, name in counts if count]
    return ", ".join(said) or "no findings"
