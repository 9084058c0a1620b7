"""The annotation that leaves fields of an object to others."""

import pytest

from gitops_mesh.manifests.parse import parse
from gitops_mesh.model.findings import Finding, Severity
from gitops_mesh.validation.validate import validate

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\nspec: {ports: [{port: 80}]}\n"


def document(kind: str, spec: str, more: str) -> str:
    head = f"apiVersion: networking.istio.io/v1\nkind: {kind}\n"
    return f"{head}metadata: {{name: reviews, namespace: shop{more}}}\nspec: {spec}\n"


def found(*documents: str) -> list[Finding]:
    parsed = parse("---\n".join(documents).encode(), "a.yaml")
    assert not parsed.findings
    return list(validate(parsed.manifests))


class TestIgnoredFields:
    def ignoring(self, pointers: str, kind: str = "VirtualService") -> list[Finding]:
        extra = f", annotations: {{gitops-mesh.io/ignore-fields: {pointers}}}"
        spec = "{hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}"
        whole = {"VirtualService": spec, "DestinationRule": "{host: reviews}"}
        return found(SERVICE, document(kind, whole[kind], extra))

    @pytest.mark.parametrize(
        "pointers",
        [
            "/spec/http/0/timeout",
            "'/spec/http/*/retries/attempts /metadata/labels/anything /metadata/annotations/example.com~1x'",
            '"/spec/hosts/0\\n\\t/spec/http/*/headers/request/set/x-any-name"',
            "/spec/http/*/headers/*/set",
        ],
    )
    def test_pointers_to_fields_are_fine(self, pointers: str) -> None:
        assert not self.ignoring(pointers)

    @pytest.mark.parametrize(
        ("pointers", "said", "remedy"),
        [
            ("''", "names no field", "write JSON pointers"),
            ("spec.http", "has 'spec.http': a pointer begins with `/`", "write JSON pointers"),
            ("/spec/http/0/route", "has '/spec/http/0/route': that is, or holds, /spec/http/*/route", "write JSON"),
            ("/spec/http/0/timout", "there is no field `timout`; did you mean `timeout`?", "choose from: timeout, "),
            ("/spec/htp/0/timeout", "there is no field `htp`; did you mean `http`?", "choose from: http, "),
            ("/spec/*/*/timout", "there is no field `timout`; did you mean `timeout`?", "choose from: timeout, "),
            ("/spec/http/main/timeout", "`main` stands where a list is", "write an entry's place from 0, or `*`"),
            ("/spec/http/01/timeout", "`01` stands where a list is", "write an entry's place from 0"),
            ("/spec/http/0/timeout/x", "nothing is below the field before `x`", "leave out what follows it"),
        ],
    )
    def test_a_pointer_that_leads_nowhere_says_what_there_is(self, pointers: str, said: str, remedy: str) -> None:
        (one,) = self.ignoring(pointers)
        assert (one.rule, one.severity) == ("ignored-fields", Severity.ERROR)
        assert one.message.startswith("`gitops-mesh.io/ignore-fields` ")
        assert said in one.message
        assert remedy in one.remedy

    def test_each_pointer_is_told_of_once_and_too_many_are_not_read(self) -> None:
        assert len(self.ignoring("'/spec/x /spec/y /spec/x'", "DestinationRule")) == 2
        (one,) = self.ignoring("'" + " ".join(f"/metadata/labels/x{n}" for n in range(101)) + "'")
        assert "has 101 pointers; expected 100 at most" in one.message

    def test_a_very_long_pointer_is_cut(self) -> None:
        (one,) = self.ignoring("/spec/" + "x" * 5000)
        assert len(one.message) < 400

    def test_on_what_is_not_applied_it_says_nothing(self) -> None:
        service = SERVICE.replace("metadata: {", "metadata: {annotations: {gitops-mesh.io/ignore-fields: x}, ")
        assert service != SERVICE
        assert not found(service)
