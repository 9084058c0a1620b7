import json
import re
from typing import Any

from gitops_mesh.manifests.normal import key_of
from gitops_mesh.manifests.render import to_yaml
from gitops_mesh.model.objects import Manifest
from gitops_mesh.model.plan import ObjectView, Plan
from gitops_mesh.model.routes import RouteRef
from gitops_mesh.plan.planner import plan
from gitops_mesh.plan.render import as_json, as_markdown, unified
from tests.fakes.meshes import body, key, route, rule, virtual_service

OLD = virtual_service(route({"v1": 90, "v2": 10}, "main"))
NEW = virtual_service(route({"v2": 1}, "main", timeout="1s"))


def view(desired: Any, accepted: Any, live: Any = ...) -> ObjectView:
    known = key_of(desired or accepted)
    manifest = None if desired is None else Manifest(known, desired, "a.yaml")
    return ObjectView(known, manifest, accepted, accepted if live is ... else live)


def test_a_diff_shows_what_changes_and_where() -> None:
    found = unified(OLD, NEW, "VirtualService shop/reviews")
    assert found.startswith("--- VirtualService shop/reviews (now)\n+++ VirtualService shop/reviews (Git)\n@@")
    assert '+    timeout: "1s"\n' in found
    assert "-        subset: v1\n" in found


def test_a_new_and_a_deleted_object_are_whole() -> None:
    added, removed = unified(None, NEW, "x"), unified(NEW, None, "x")
    assert added.startswith("--- /dev/null\n+++ x (Git)\n")
    assert removed.startswith("--- x (now)\n+++ /dev/null\n")
    count = len(to_yaml(NEW).splitlines())
    assert (added.count("\n+"), removed.count("\n-")) == (count + 1, count)


def test_bodies_that_read_the_same_have_no_diff() -> None:
    assert unified(OLD, dict(reversed(OLD.items())), "x") == ""


def test_a_secrets_content_is_never_shown() -> None:
    old, new = (
        {**body("Secret", None, group=""), "data": {"password": f"c2VjcmV0{n}"}, "stringData": {"token": f"t0k3n{n}"}}
        for n in "ab"
    )
    for found in (
        unified(old, new, "x"),
        unified(None, new, "x"),
        as_markdown(plan([view(new, old)]), {key_of(old): old}),
    ):
        assert "c2Vj" not in found
        assert "t0k3n" not in found
    del new["stringData"]
    assert "password: (not shown)" in unified(None, new, "x").replace('"', "")


def test_a_very_long_object_is_not_compared() -> None:
    long = body("ConfigMap", None, group="")
    one, other = ({**long, "data": {f"k{n}": x for n in range(6000)}} for x in "ab")
    assert "too long to compare" in unified(one, other, "x")
    assert unified(one, one, "x") == ""


def test_json_holds_every_kind_of_change() -> None:
    cut = rule({"v1": "1b"}, name="cut")
    views = [
        view(NEW, OLD, OLD),
        view(virtual_service(name="new"), None),
        view(None, virtual_service(name="old")),
        view(cut, rule({"v1": "1"}, name="cut")),
        view(virtual_service(name="moved"), virtual_service(name="moved"), None),
    ]
    ref = RouteRef(key(), "http/main")
    found = as_json(plan(views), {ref: 4})
    assert json.loads(json.dumps(found)) == found
    changes = {change["type"]: change for one in found["objects"] for change in one["changes"]}
    assert set(changes) == {"update", "shift", "create", "delete", "cutover", "drift"}
    assert changes["shift"] == {
        "type": "shift",
        "route": "http/main",
        "steps": 4,
        "base": [
            {
                "host": "reviews.shop.svc.cluster.local",
                "subset": "v1",
                "port": 0,
                "percent": 90.0,
                "labels": {"version": "1"},
            },
            {"host": "reviews.shop.svc.cluster.local", "subset": "v2", "port": 0, "percent": 10.0, "labels": {}},
        ],
        "target": [
            {"host": "reviews.shop.svc.cluster.local", "subset": "v2", "port": 0, "percent": 100.0, "labels": {}}
        ],
    }
    assert changes["update"]["fields"] == ["spec.http[0].timeout"]
    assert changes["cutover"]["elsewhere"][0]["route"] == "http/main"
    assert changes["drift"] == {"type": "drift", "fields": [], "routes": [], "missing": True, "action": "correct"}
    assert found["objects"][0]["wave"] == "destination-rules"
    assert "reviews: v2 10% → 100% in 4 steps" in found["sentences"]
    assert {finding["severity"] for finding in found["findings"]} == {"warning"}


def test_json_of_a_shift_without_steps_and_a_finding_without_an_object() -> None:
    found = as_json(Plan())
    assert found == {"sentences": [], "refused": "", "objects": [], "findings": []}
    shift = as_json(plan([view(NEW, OLD)]))["objects"][0]["changes"][1]
    assert "steps" not in shift


def test_markdown_tells_what_it_means_above_the_diff() -> None:
    found = as_markdown(plan([view(NEW, OLD)]), {key(): OLD}, {RouteRef(key(), "http/main"): 4})
    assert found.index("`reviews: v2 10% → 100% in 4 steps`") < found.index(
        "```diff\n--- VirtualService shop/reviews (now)"
    )
    assert found.endswith("```\n\n</details>\n")
    assert as_markdown(Plan()) == "No changes.\n"


def test_markdown_has_warnings_and_a_deletions_diff() -> None:
    found = as_markdown(plan([view(None, OLD)]), {key(): OLD})
    assert "- warning: `VirtualService shop/reviews is deleted" in found
    assert "+++ /dev/null" in found


def test_a_deletion_that_waits_has_no_diff() -> None:
    dr = rule({"v1": "1"})
    found = as_markdown(plan([view(None, dr), view(OLD, OLD)]), {key_of(dr): dr})
    assert found == (
        "- `DestinationRule reviews: its deletion waits: VirtualService shop/reviews still needs the subset v1 of "
        "reviews.shop.svc.cluster.local`\n"
    )


def test_hostile_text_stays_inside_code() -> None:
    evil = "x`</details><img src=x>\n# @everyone ``` [a](http://b)"
    old = virtual_service(route({"v1": 1}, "main"), hosts=[evil])
    new = virtual_service(route({"v1": 1}, evil), hosts=["````\n</details>"])
    found = as_markdown(plan([view(new, old)]), {key(): old})
    summary, _, diff = found.partition("\n<details>")
    for line in summary.splitlines():
        fence = re.match(r"- (?:warning: )?(`+)", line)
        assert fence is not None
        assert line.endswith(fence[1])
        assert fence[1] not in line[fence.end() : -len(fence[1])].split(" ")
    opened = re.search(r"^(`{3,})diff$", diff, re.MULTILINE)
    assert opened is not None
    assert diff.count(opened[1]) == 2
    assert diff.index("````") >= 0


def test_markdown_keeps_to_its_limit_and_says_what_it_leaves_out() -> None:
    views = [
        view(virtual_service(route({"v2": 1}), name=f"vs-{n:04}"), virtual_service(route({"v1": 1}), name=f"vs-{n:04}"))
        for n in range(600)
    ]
    before = {v.key: v.accepted for v in views if v.accepted is not None}
    whole = plan(views)
    cut = as_markdown(whole, before)
    assert 50_000 < len(cut) <= 60_000
    assert "… cut: the whole diff is longer" in cut
    assert cut.endswith("```\n\n</details>\n")
    assert cut.count("% → 100%") == 600

    short = as_markdown(whole, before, limit=2_000)
    assert len(short) <= 2_000
    shown = short.count("% → 100%")
    assert short.endswith(f"- … and {600 - shown} more\n")
    assert "<details>" not in short

    exact = as_markdown(plan(views[:1]), before, limit=80)
    assert exact == "- `vs-0000: v2 0% → 100%`\n"
