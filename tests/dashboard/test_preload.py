import subprocess
import sys
from pathlib import Path

# The server is up at once here; nobody waits for it in a test.
PROBE = """
import sys
from types import SimpleNamespace
from dashboard import preload
preload.runtime = SimpleNamespace(exists=lambda: True)
preload.preload()
needed = {"kfp", "mlflow", "plotly", "dashboard.views.launch.page", "dashboard.views.run.page"}
print(sorted(needed - set(sys.modules)))
"""


def test_what_a_click_on_launch_needs_is_loaded_before_it(installation: Path) -> None:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, timeout=120
    )
    assert probe.stdout.strip() == "[]", probe.stderr
