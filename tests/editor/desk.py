"""A person's desk: our server and the Document Server's double, with editors to be opened on it."""

from pathlib import Path
from typing import Any

from davserver.accounts import passwords
from davserver.editor.saving.rescue import Rescue
from davserver.model import Lock, Version, Writer
from davserver.office import open_sessions
from davserver.providers.users import User, Users
from tests.dav_client import DavClient
from tests.documentserver import DocumentServerDouble, changed
from tests.editor.opening import configuration, words
from tests.running import ThreadServer


class Editor:
    """One person's editor: opened by the page, used through the double."""

    def __init__(
        self, office: ThreadServer, person: DavClient, double: DocumentServerDouble, name: str
    ) -> None:
        self.config = configuration(office, person, name)
        self.key: str = self.config["document"]["key"]
        self.user: str = self.config["editorConfig"]["user"]["id"]
        self.download: str = self.config["document"]["url"]
        self.callback: str = self.config["editorConfig"]["callbackUrl"]
        self._double = double
        double.open(self.config)

    def type(self, text: str) -> None:
        self._double.type(self.key, text, self.user)

    def save(self, **more: Any) -> Any:
        return self._double.save(self.key, **more)

    def close(self, **more: Any) -> Any:
        return self._double.leave(self.key, self.user, **more)


class Desk:
    """``office`` is the server, ``ann`` its administrator, ``double`` the Document Server."""

    def __init__(self, office: ThreadServer, double: DocumentServerDouble) -> None:
        self.office = office
        self.double = double
        self.root: Path = office.root
        self.share = office.app.share
        self.sessions = open_sessions(office.settings, office.app.share).all
        self.ann = office.client()

    def person(self, name: str) -> DavClient:
        """Somebody else who may sign in."""
        user = User(name, passwords.hashed("password of " + name), is_administrator=False)
        assert Users(self.share.catalog).add(user)
        return self.office.client(name, "password of " + name)

    def edit(self, name: str = "a.docx", person: DavClient | None = None) -> Editor:
        """Open a file, which is made if it is missing."""
        return Editor(self.office, person or self.ann, self.double, name)

    @property
    def rescuing(self) -> Rescue:
        """What housekeeping runs."""
        running: Any = self.office.app.rescue
        rescue: Rescue = running.__self__.each[0]
        return rescue

    def rescue(self) -> list[str]:
        """Let it run once; the paths that it stored."""
        return [one.path for one in self.rescuing.run()]

    def content(self, number: int, name: str = "a.docx") -> bytes:
        """The bytes of one version."""
        content, _ = self.share.files.open_version(f"/{name}", number)
        with content:
            return content.read()

    def locks(self, name: str) -> list[Lock]:
        return self.share.locks.on(f"/{name}")

    def holder(self, name: str) -> Writer:
        """Whoever holds the lock on a file."""
        [lock] = self.locks(name)
        return Writer(lock.principal, frozenset({lock.token}))

    def versions(self, name: str = "a.docx") -> list[Version]:
        return self.share.files.versions(f"/{name}")

    def names(self) -> list[str]:
        """What lies in the folder."""
        return sorted(file.name for file in self.root.iterdir() if file.name != ".davserver")

    def words(self, name: str) -> list[str]:
        """The paragraphs of a docx in the folder."""
        return words(self.root / name)

    def made(self, path: str, text: str, name: str = "a.docx") -> str:
        """Where the double has a state that it made of a file: with one more paragraph."""
        self.double.cache[path] = changed((self.root / name).read_bytes(), "docx", text)
        return f"{self.double.url}{path}?md5=x&expires=1"

    def report(self, editor: Editor, status: int, **more: Any) -> dict[str, Any]:
        """A report of a save, with the file in the double's cache."""
        editing = self.double.editing[editor.key]
        path = f"/cache/files/data/{editor.key}_1/output.docx/output.docx"
        self.double.cache[path] = self.double.changed_content(editing)
        return {
            "key": editor.key,
            "status": status,
            "url": f"{self.double.url}{path}?md5=x&expires=1",
            "users": [editor.user],
            "lastsave": editing.last_change,
            "filetype": "docx",
            **more,
        }
