# SPDX-License-Identifier: Apache-2.0
"""The workload of the family `harmless`, before there is a deputyd: what it is compared with."""
import glob
import json
import os

import kmsg
import workload

SCRATCH = os.environ["KT_SCRATCH"]
before = {"kmsg": kmsg.last(), "pins": glob.glob("/sys/fs/bpf/deputy-*")}
before["work"] = workload.run_all(os.environ.get("KT_EXT4") or SCRATCH + "/harmless")
before["complaints"] = kmsg.complaints(before["kmsg"])
with open(SCRATCH + "/harmless.json", "w", encoding="utf-8") as f:
    json.dump(before, f)
