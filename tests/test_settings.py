"""Settings: where they come from, and what is said about wrong ones."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from davserver.app import prepare
from davserver.errors import SettingsWrong
from davserver.kept_settings import KeptSettings
from davserver.setting_sources import read_settings


@pytest.fixture
def toml(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        file = tmp_path / "davserver.toml"
        file.write_text(text)
        return file

    return write


def wrong(config: Path | None = None, **options: Any) -> str:
    with pytest.raises(SettingsWrong) as caught:
        read_settings(config, **options)
    return str(caught.value)


def test_the_defaults_serve_this_machine_alone(root: Path) -> None:
    settings = read_settings(root=root)
    assert (settings.host, settings.anonymous, settings.sync) == ("127.0.0.1", "none", "on-close")
    assert settings.state == root / ".davserver"
    assert {"docx", "xlsx", "pptx", "csv", "txt", "docm", "pdf"} <= set(settings.edit_formats)
    assert not {"odt", "ods", "odp", "rtf", "doc"} & set(settings.edit_formats)


def test_file_then_environment_then_options(toml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = toml('port = 1\nworkers = 2\nthreads = 3\nlog_level = "error"\n')
    monkeypatch.setenv("DAVSERVER_WORKERS", "5")
    monkeypatch.setenv("DAVSERVER_THREADS", "6")
    settings = read_settings(file, threads=9, port=None)
    assert (settings.port, settings.workers, settings.threads) == (1, 5, 9)


def test_an_unknown_key_names_file_key_and_the_likely_one(toml: Any) -> None:
    file = toml("prt = 1\n")
    message = wrong(file)
    assert str(file) in message
    assert "'prt'" in message
    assert "'port'" in message


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAVSERVER_WORKRS", "2")
    assert "DAVSERVER_WORKRS" in wrong()
    assert "'workers'" in wrong()


@pytest.mark.parametrize(
    ("text", "key"),
    [("port = 70000", "port"), ('anonymous = "all"', "anonymous"), ("workers = 0", "workers")],
)
def test_a_wrong_value_names_its_place(toml: Any, text: str, key: str) -> None:
    assert f"davserver.toml: {key}: " in wrong(toml(text))


def test_a_wrong_option_or_variable_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(port="x").startswith("option --port: ")
    monkeypatch.setenv("DAVSERVER_PORT", "x")
    assert wrong().startswith("environment: DAVSERVER_PORT: ")


def test_a_broken_or_missing_file_is_named(toml: Any, tmp_path: Path) -> None:
    assert "davserver.toml" in wrong(toml("port = ["))
    assert "none.toml: there is no such file" in wrong(tmp_path / "none.toml")


def test_secrets_do_not_belong_into_the_file(toml: Any) -> None:
    message = wrong(toml('jwt_secret = "s3cret"'))
    assert "jwt_secret_file" in message
    assert "s3cret" not in message


def test_a_wrong_value_is_not_repeated_where_it_may_be_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAVSERVER_JWT_SECRET", "s3cret")
    settings = read_settings(document_server="http://docs.example.org")
    assert "s3cret" not in repr(settings)
    assert settings.document_server_secret() == "s3cret"


def test_paths_in_the_file_are_meant_from_there(toml: Any, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "secret").write_text("x" * 32 + "\n")
    file = toml('root = "files"\njwt_secret_file = "secret"\nstate_dir = ""\n')
    settings = read_settings(file)
    assert settings.root == tmp_path / "files"
    assert settings.document_server_secret() == "x" * 32
    assert settings.state_dir is None


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in wrong(root=tmp_path / "none")


def test_strangers_may_write_only_on_this_machine_or_on_purpose() -> None:
    assert "--i-know" in wrong(anonymous="write", host="0.0.0.0")
    read_settings(anonymous="write", host="127.0.0.1")
    read_settings(anonymous="write", host="::1")
    read_settings(anonymous="write", host="0.0.0.0", i_know=True)
    read_settings(anonymous="read", host="0.0.0.0")


def test_a_document_server_needs_a_secret(tmp_path: Path) -> None:
    assert "jwt_secret_file" in wrong(document_server="http://docs.example.org")
    empty = tmp_path / "empty"
    empty.touch()
    settings = read_settings(document_server="http://docs.example.org", jwt_secret_file=empty)
    with pytest.raises(SettingsWrong):
        settings.document_server_secret()


@pytest.mark.parametrize(
    "address",
    ["docs.example.org", "ftp://docs", "http://", "http://a?b", "http://u:p@a", "http://a#b"],
)
def test_an_address_is_a_whole_address(address: str) -> None:
    assert "option --document-server" in wrong(document_server=address, jwt_secret="x")


def test_an_address_loses_its_slash_and_gives_the_base_path() -> None:
    settings = read_settings(public_url="https://example.org/files/")
    assert (settings.public_url, settings.base_path) == ("https://example.org/files", "/files")


def test_the_state_is_not_where_clients_could_read_it(root: Path, tmp_path: Path) -> None:
    assert "state_dir" in wrong(root=root, state_dir=root / "state")
    read_settings(root=root, state_dir=root / ".davserver")
    read_settings(root=root, state_dir=tmp_path / "state")


def test_formats_are_a_list_in_any_spelling(monkeypatch: pytest.MonkeyPatch, toml: Any) -> None:
    monkeypatch.setenv("DAVSERVER_EDIT_FORMATS", "docx, .ODT xlsx")
    assert read_settings().edit_formats == ("docx", "odt", "xlsx")
    monkeypatch.delenv("DAVSERVER_EDIT_FORMATS")
    assert read_settings(toml('edit_formats = ["docx"]')).edit_formats == ("docx",)


class TestDocumentServers:
    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        file = tmp_path / "s2"
        file.write_text("y" * 32)
        return file

    def test_one_and_further_ones_come_in_their_order(
        self, toml: Any, secret: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DAVSERVER_JWT_SECRET", "x" * 32)
        file = toml(
            'document_server = "https://a.example/"\n[[document_servers]]\n'
            'address = "https://b.example/office/"\nsecret_file = "s2"\nheader = "X-Token"\n'
        )
        first, second = read_settings(file).office_servers()
        assert (first.address, first.secret) == ("https://a.example", "x" * 32)
        assert (second.address, second.secret) == ("https://b.example/office", "y" * 32)
        assert (first.header, second.header) == ("", "X-Token")

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ('address = "ftp://b"\nsecret_file = "s2"', "number 1.address: give a full address"),
            ('address = "https://b"', "number 1.secret_file: Field required"),
            ('address = "https://b"\nsecret_file = "s2"\nhost = "b"', "number 1.host: Extra"),
        ],
    )
    def test_a_wrong_table_names_its_place(
        self, toml: Any, secret: Path, table: str, message: str
    ) -> None:
        told = wrong(toml(f"[[document_servers]]\n{table}\n"))
        assert f"davserver.toml: document_servers: {message}" in told

    def test_none_is_named_twice(self, toml: Any, secret: Path) -> None:
        table = '[[document_servers]]\naddress = "https://b"\nsecret_file = "s2"\n'
        assert "named once" in wrong(toml(table * 2))

    @pytest.mark.parametrize(
        "known", ["secret", "mysecret", " MySecret\n", "changeme", "sn2puSUF7muF5Jas"]
    )
    def test_a_secret_that_everybody_knows_is_refused(self, tmp_path: Path, known: str) -> None:
        """Pitfall 3.6: a secret from a manual is none."""
        file = tmp_path / "known"
        file.write_text(known)
        settings = read_settings(document_server="http://docs.example.org", jwt_secret_file=file)
        with pytest.raises(SettingsWrong, match="known to everybody"):
            settings.office_servers()


def test_a_click_is_one_of_four_whatever_the_case_of_the_extension(toml: Any) -> None:
    settings = read_settings(toml('click_actions = { ".DOCX" = "desktop" }'))
    assert settings.click_actions == {"docx": "desktop"}
    assert "click_actions" in wrong(toml('click_actions = { docx = "explode" }'))


@pytest.mark.parametrize(
    "origin", ["intranet.example.org", "https://a.org/path", "https://a.org; script-src *", "*"]
)
def test_who_may_embed_is_an_origin_and_nothing_else(toml: Any, origin: str) -> None:
    assert "no origin" in wrong(toml(f'embedders = ["{origin}"]'))


def test_origins_may_have_a_port_and_a_star(toml: Any) -> None:
    several = toml('embedders = ["https://*.example.org", "http://127.0.0.1:9000"]')
    assert len(read_settings(several).embedders) == 2


class TestWhatThePageKeeps:
    """``settings.json`` in the state folder: the weakest source, for every command."""

    @pytest.fixture
    def keep(self, root: Path) -> Any:
        def write(text: str, state: Path = root / ".davserver") -> None:
            state.mkdir(exist_ok=True)
            (state / "settings.json").write_text(text)

        return write

    def test_everything_else_is_stronger(
        self, keep: Any, toml: Any, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keep(
            '{"save_minutes": 1, "jwt_seconds": 100, "jwt_leeway_seconds": 1, "open_in": "tab",'
            ' "customization": {"help": false, "zoom": 90, "unit": "cm"}}'
        )
        file = toml("save_minutes = 2\njwt_seconds = 200\n[customization]\nhelp = true\n")
        monkeypatch.setenv("DAVSERVER_JWT_SECONDS", "300")
        monkeypatch.setenv("DAVSERVER_CUSTOMIZATION", '{"zoom": 80}')
        settings = read_settings(file, root=root, jwt_leeway_seconds=4)
        assert (settings.save_minutes, settings.jwt_seconds) == (2, 300)
        assert (settings.jwt_leeway_seconds, settings.open_in) == (4, "tab")
        assert settings.customization == {"help": True, "zoom": 80, "unit": "cm"}
        assert settings.sources.set_keys() == {
            "save_minutes": str(file),
            "customization.help": str(file),
            "customization.zoom": "environment: DAVSERVER_CUSTOMIZATION",
            "jwt_seconds": "environment: DAVSERVER_JWT_SECONDS",
            "jwt_leeway_seconds": "option --jwt-leeway-seconds",
            "root": "option --root",
        }

    @pytest.mark.parametrize("how", ["file", "environment", "option"])
    def test_it_is_found_wherever_the_state_is(
        self, keep: Any, toml: Any, root: Path, tmp_path: Path, how: str, monkeypatch: Any
    ) -> None:
        state = tmp_path / "state"
        keep('{"open_in": "tab"}', state)
        file = toml('state_dir = "state"\n' if how == "file" else "")
        if how == "environment":
            monkeypatch.setenv("DAVSERVER_STATE_DIR", str(state))
        options = {"state_dir": state} if how == "option" else {}
        assert read_settings(file, root=root, **options).open_in == "tab"

    def test_a_secret_in_a_file_elsewhere_counts_before_that_of_the_page(
        self, keep: Any, toml: Any, root: Path, tmp_path: Path
    ) -> None:
        keep('{"jwt_secret": "%s"}' % ("p" * 32))
        assert read_settings(root=root).document_server_secret() == "p" * 32
        (tmp_path / "secret").write_text("f" * 32)
        settings = read_settings(toml('jwt_secret_file = "secret"'), root=root)
        assert settings.document_server_secret() == "f" * 32

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('{"save_minutes": "soon"}', "settings.json: save_minutes: "),
            ('{"port": 1}', "settings.json: the page keeps no key 'port'"),
            ("[]", "settings.json: there is no table of settings in it"),
            ("{", "settings.json: "),
        ],
    )
    def test_what_is_wrong_in_it_is_named(
        self, keep: Any, root: Path, text: str, words: str
    ) -> None:
        keep(text)
        assert words in wrong(root=root)

    def test_a_secret_in_it_is_in_no_message(self, keep: Any, root: Path) -> None:
        keep('{"jwt_secret": ["s3cret"]}')
        assert "s3cret" not in wrong(root=root)
        keep('{"jwt_secret": "s3cret"}')
        assert "s3cret" not in repr(read_settings(root=root))

    def test_it_is_replaced_as_a_whole_or_not_at_all(self, root: Path) -> None:
        state = root / ".davserver"
        state.mkdir()
        kept = KeptSettings(state)
        kept.keep({"open_in": "tab"})
        before = kept.stamp
        with pytest.raises(TypeError):
            kept.keep({"open_in": object()})
        assert (kept.read(), kept.stamp) == ({"open_in": "tab"}, before)
        assert [file.name for file in state.iterdir()] == ["settings.json"]
        kept.keep({})
        assert kept.stamp != before


def test_a_certificate_that_is_not_checked_is_in_the_log_at_the_start(root: Path) -> None:
    settings = read_settings(
        root=root,
        document_server="https://office.example.org",
        jwt_secret="x" * 32,
        document_server_verify=False,
    )
    with capture_logs() as logged:
        prepare(settings)
    words = "certificate of a Document Server is not checked"
    assert [one["log_level"] for one in logged if words in one["event"]] == ["warning"]
