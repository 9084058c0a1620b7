"""Every policy that ships, on its own pass and fail cases in `policies/tests/NAME.yaml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_mesh import shipped
from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.validation.policies import Policy, load_policies
from gitops_mesh.validation.validate import validate

CASES = Path(__file__).resolve().parents[2] / "policies" / "tests"


def policies(name: str) -> tuple[Policy, ...]:
    parsed = parse(shipped.policy_text(name), f"policies/{name}.yaml")
    assert not parsed.findings
    assert not validate(parsed.manifests)
    return load_policies(parsed.manifests)


def cases() -> Iterator[Any]:
    for name in shipped.policy_names():
        for case in yaml.safe_load((CASES / f"{name}.yaml").read_text()):
            yield pytest.param(name, case, id=f"{name}: {case['case']}")


def judged(name: str, body: Any) -> list[Finding]:
    parsed = parse(yaml.safe_dump(body).encode(), "a.yaml")
    assert not parsed.findings
    return [f for f in validate(parsed.manifests, policies=policies(name)) if f.rule == f"policy/{name}"]


@pytest.mark.parametrize(("name", "case"), list(cases()))
def test_a_shipped_policy_judges_its_cases(name: str, case: dict[str, Any]) -> None:
    found = judged(name, case.get("pass") or case["fail"])
    if "pass" in case:
        assert found == []
    else:
        assert [list(f.pointer) for f in found] == [case["at"]]
        assert {f.severity for f in found} == {Severity.ERROR}


@pytest.mark.parametrize("name", shipped.policy_names())
def test_a_shipped_policy_has_its_own_name_and_cases_of_both_kinds(name: str) -> None:
    assert [policy.name for policy in policies(name)] == [name]
    kinds = {"pass" if "pass" in case else "fail" for case in yaml.safe_load((CASES / f"{name}.yaml").read_text())}
    assert kinds == {"pass", "fail"}


def test_an_unknown_policy_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        shipped.policy_text("../README")


def test_the_starter_repository_is_where_it_is_said() -> None:
    assert (shipped.repo_template() / "mesh").is_dir()
