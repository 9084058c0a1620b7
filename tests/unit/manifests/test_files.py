import pytest

from gitops_mesh.manifests.files import is_manifest_path


@pytest.mark.parametrize("path", ["a.yaml", "mesh/a.yml", "mesh/deep/a.json"])
def test_yaml_and_json_are_manifests(path: str) -> None:
    assert is_manifest_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "a.yaml.bak",
        ".github/workflows/ci.yaml",
        "mesh/.x.yaml",
        "gitops-mesh.yaml",
        "clusters/gitops-mesh.yml",
        "gitops-mesh.schema.json",
    ],
)
def test_other_files_are_not(path: str) -> None:
    assert not is_manifest_path(path)
