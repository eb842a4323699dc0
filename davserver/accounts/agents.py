"""What a browser or device is called on a list for people."""

_PROGRAMS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chromium/": "Chromium",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "Microsoft Office": "Microsoft Office",
}
# The order counts: Android says Linux too, an iPad says Mac.
_SYSTEMS = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
_LONGEST = 60


def name_of_agent(user_agent: str) -> str:
    """Like "Firefox on Windows"; where that is not known, the beginning of the header field."""
    program = next((name for sign, name in _PROGRAMS.items() if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS.items() if sign in user_agent), "")
    if program and system:
        return f"{program} on {system}"
    readable = "".join(letter for letter in user_agent if letter.isprintable())
    return program or readable[:_LONGEST].strip() or "Unknown"
