"""The files that a forge reads; `make lint` holds them against their schemas."""

import re
from pathlib import Path

import pytest
import yaml

FORGE = Path(__file__).parents[1] / ".github"
WORKFLOWS = sorted((FORGE / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(not FORGE.exists(), reason="needs the sources")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_its_jobs_say(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert {name for name, right in job["permissions"].items() if right == "write"} <= {"id-token", "pages"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_to_commits(path):
    used = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert used
    assert [action for action in used if not re.search(r"@[0-9a-f]{40}$|^\./", action)] == []


def test_a_report_of_a_fault_says_what_it_was_seen_on():
    form = yaml.safe_load((FORGE / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8"))
    (asked,) = (part for part in form["body"] if "show_versions()" in part["attributes"].get("description", ""))
    assert asked["validations"]["required"]
