"""What a server in another language says to people, and what it goes on saying to programs."""

from pathlib import Path

from tests.support.servers import serving

BROWSER = {"accept": "text/html"}


def test_pages_and_refusals_for_people_are_in_the_language_and_those_for_programs_in_english(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text("---\nlanguage: de\n---\n\n# Titulus\n")
    with serving(str(path)) as server:
        client = server.client
        assert '<html lang="de"' in client.get("/").text
        assert "<h2>Tasten auf dieser Seite</h2>" in client.get("/").text
        missing = client.get("/nowhere", headers=BROWSER)
        assert missing.status_code == 404
        assert '<html lang="de">' in missing.text
        assert "Diese Seite gibt es hier nicht" in missing.text
        assert "Es gibt nichts zu koppeln: Dieser Server" in client.get("/pair", headers=BROWSER).text
        assert client.post("/advance").json()["title"] == "This is the last chapter"
        assert client.get("/nowhere").json()["title"] == "Not found"


def test_a_device_is_paired_in_the_language_of_the_show(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text("---\nlanguage: es\n---\n\n# Titulus\n")
    with serving(str(path), "--host", "0.0.0.0") as server:
        page = server.client.get("/pair", headers=BROWSER)
        assert "Vincular este dispositivo" in page.text
        assert "Vinculando…" in page.text, "the page's script has its texts"
        wrong = server.client.post("/pair", data={"code": "XXXX-XXXX"}, headers=BROWSER)
        assert wrong.status_code == 403
        assert "Este no es el código que se muestra ahora." in wrong.text
        assert server.client.post("/pair", json={"code": "XXXX-XXXX"}).json()["title"] == "This code is not valid"
