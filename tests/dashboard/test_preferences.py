from pathlib import Path

from dashboard import preferences


def test_what_is_remembered_is_kept_beside_what_was(tmp_path: Path) -> None:
    preferences.remember(tmp_path, "kim", launch={"model": "yolov8n.pt"})
    preferences.remember(tmp_path, "kim", columns=["state"])
    assert preferences.load(tmp_path, "kim") == {
        "launch": {"model": "yolov8n.pt"},
        "columns": ["state"],
    }


def test_users_do_not_share_a_file_whatever_their_names(tmp_path: Path) -> None:
    for user in ("../../kim", "kim/x", "kim-x", "김", "이", ""):
        preferences.remember(tmp_path, user, who=user)
    for user in ("../../kim", "kim/x", "kim-x", "김", "이", ""):
        assert preferences.load(tmp_path, user) == {"who": user}
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / "preferences"}


def test_a_broken_file_counts_as_nothing(tmp_path: Path) -> None:
    preferences.remember(tmp_path, "kim", who="kim")
    next(tmp_path.rglob("*.json")).write_text("{half", encoding="utf-8")
    assert preferences.load(tmp_path, "kim") == {}
