"""Which program on somebody's desktop opens a file by its address. Pure.

Source: Microsoft, "Office URI Schemes" (``ofe``: open for editing, ``u``: the address follows);
LibreOffice takes the same words with its own scheme.
"""

from davserver import paths

_SCHEMES = {
    "ms-word": "doc docm docx dot dotm dotx",
    "ms-excel": "xls xlsb xlsm xlsx xlt xltm xltx",
    "ms-powerpoint": "pot potm potx pps ppsm ppsx ppt pptm pptx",
    "ms-visio": "vsdm vsdx vssm vssx vstm vstx",
    "vnd.libreoffice.command": "fodp fods fodt odg odp ods odt otp ots ott",
}
_APPS = {
    "ms-word": "Word",
    "ms-excel": "Excel",
    "ms-powerpoint": "PowerPoint",
    "ms-visio": "Visio",
}
_PROGRAMS = {name: scheme for scheme, names in _SCHEMES.items() for name in names.split()}
_MICROSOFT_TOO = {
    "csv": "ms-excel",
    "odp": "ms-powerpoint",
    "ods": "ms-excel",
    "odt": "ms-word",
    "rtf": "ms-word",
}


def program_for(path: str) -> str:
    """What stands before the absolute address of a file to open it there; empty for no program."""
    scheme = _PROGRAMS.get(paths.extension(path))
    return f"{scheme}:ofe|u|" if scheme else ""


def microsoft_scheme(path: str) -> str:
    """The scheme of Microsoft's program that opens a file, also one of another format; or empty."""
    extension = paths.extension(path)
    scheme = _MICROSOFT_TOO.get(extension) or _PROGRAMS.get(extension, "")
    return scheme if scheme.startswith("ms-") else ""


def microsoft_app(path: str) -> str:
    """What Microsoft's program for a file is called; empty where there is none."""
    return _APPS.get(microsoft_scheme(path), "")
