import subprocess
import sys
from pathlib import Path

PROBE = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("dashboard/app.py", default_timeout=60).run()
assert not page.exception and page.selectbox, page.exception
print(sorted({"torch", "ultralytics", "ray", "kfp", "mlflow", "kubernetes"} & set(sys.modules)))
"""


def test_opening_the_dashboard_loads_no_heavy_library(installation: Path) -> None:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, timeout=120
    )
    assert probe.stdout.strip() == "[]", probe.stderr
