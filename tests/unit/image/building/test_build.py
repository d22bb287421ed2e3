"""What a build that failed says."""

from __future__ import annotations

from astro_ci.image.building.build import failing_step

BUILDKIT_OUTPUT = """\
#7 [4/5] RUN pip install pandas
#7 0.412 Collecting pandas
#8 [5/5] COPY . .
#8 DONE 0.1s
#7 1.733 ERROR: No matching distribution found for pandas
#7 ERROR: process "/bin/sh -c pip install pandas" did not complete successfully: exit code: 1
------
 > [4/5] RUN pip install pandas:
1.733 ERROR: No matching distribution found for pandas
------
Dockerfile:4
ERROR: failed to solve: process "/bin/sh -c pip install pandas" did not complete
"""
CLASSIC_OUTPUT = """\
Step 3/4 : RUN true
 ---> Running in 1234
Step 4/4 : RUN pip install pandas
 ---> Running in 5678
ERROR: No matching distribution found for pandas
Removing intermediate container 5678
"""


def test_the_failing_step_is_cut_out_of_the_output() -> None:
    step = failing_step(BUILDKIT_OUTPUT.splitlines()).splitlines()
    assert step[0] == "[4/5] RUN pip install pandas"
    assert step[1].endswith("exit code: 1")
    assert step[2:] == ["Collecting pandas", "ERROR: No matching distribution found for pandas"]
    classic = failing_step(CLASSIC_OUTPUT.splitlines()).splitlines()
    assert classic == [
        "Step 4/4 : RUN pip install pandas",
        "ERROR: No matching distribution found for pandas",
    ]
    assert failing_step([str(number) for number in range(500)]).splitlines()[-1] == "499"
    assert failing_step([]) == ""
