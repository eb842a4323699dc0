"""Clients in processes of their own: wrk for many small requests, curl for large bodies."""

import re
import subprocess
import tempfile
from base64 import b64encode
from pathlib import Path

from benchmarks.peers import OURS, Target

SECONDS = 3
CONNECTIONS = 8

_SCRIPT = """
wrk.method = "{method}"
if "{secret}" ~= "" then wrk.headers["Authorization"] = "Basic {secret}" end
if "{method}" == "PROPFIND" then wrk.headers["Depth"] = "1" end
local body = "{body}"
if {size} > 0 then body = string.rep("x", {size}) end
wrk.body = body
local number = 0
request = function()
  number = number + 1
  local path = string.gsub("{path}", "@", tostring(number % 50))
  return wrk.format(nil, path)
end
done = function(summary)
  io.write("refused ", summary.errors.status, " broken ", summary.errors.read +
  summary.errors.connect, "\\n")
end
"""


class Broken(Exception):
    """A server gave wrong answers under load; its figure would mean nothing."""


def many(
    target: Target, method: str, path: str, *, size: int = 0, body: str = "", seconds: int = SECONDS
) -> float:
    """Requests a second, over kept connections. "@" in the path becomes a number below 50."""
    secret = b64encode(f"{target.user}:{target.password}".encode()).decode() if target.user else ""
    script = _SCRIPT.format(method=method, path=path, secret=secret, size=size, body=body)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", file.name, target.url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    faults = re.search(r"refused (\d+) broken (\d+)", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    # Writing to one name at once, rclone refuses one request in a thousand; ours may refuse none.
    borne = 0 if target.name in OURS else 10 * seconds
    if not faults or not rate or int(faults[1]) > borne or faults[2] != "0":
        raise Broken(f"{target.name} {method} {path}: {out}")
    if not float(rate[1]):
        raise Broken(f"{target.name} {method} {path}: not one answer in {seconds} seconds")
    return float(rate[1])


def one(target: Target, method: str, path: str, content: Path) -> float:
    """Bytes a second of one large body, there or back."""
    transfer = ["-T", str(content)] if method == "PUT" else []
    figure = "%{speed_upload}" if method == "PUT" else "%{speed_download}"
    who = ["-u", f"{target.user}:{target.password}"] if target.user else []
    command = ["curl", "-sS", "-f", *who, "-H", "Expect:", "-o", "/dev/null", *transfer]
    command += ["-w", figure, f"{target.url}{path}"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(out)


def quantile(values: list[float], part: float) -> float:
    """The value that ``part`` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
