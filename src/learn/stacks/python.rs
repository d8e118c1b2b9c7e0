//! Python: pytest, ruff, mypy and tox, by the environment's manager.
//!
//! Not for projects that show none of these. Invariant: a tool becomes a gate only if the project configures or
//! requires it.

use super::Folder;

pub(super) fn look(folder: &mut Folder<'_>) {
    const SIGNS: [&str; 6] =
        ["pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "requirements.txt"];
    let Some(sign) = SIGNS.into_iter().find(|sign| folder.has(sign)) else { return };
    folder.stack("Python", sign);
    let texts: Vec<String> = SIGNS.iter().filter_map(|file| folder.read(file)).collect();
    let says = |word: &str| texts.iter().any(|text| text.contains(word));
    let run = runner(folder);
    if says("[tool.ruff") || folder.has_any(&["ruff.toml", ".ruff.toml"]) {
        folder.gate("lint", &format!("{run}ruff check ."), "ruff's settings");
    }
    if says("[tool.mypy") || says("[mypy]") || folder.has_any(&["mypy.ini", ".mypy.ini"]) {
        folder.gate("types", &format!("{run}mypy ."), "mypy's settings");
    }
    if says("pytest") || folder.has("conftest.py") || has_test_files(folder) {
        let command = if run.is_empty() { "python3 -m pytest".to_owned() } else { format!("{run}pytest") };
        folder.gate("test", &command, "tests for pytest");
    } else if folder.has("manage.py") {
        let python = if run.is_empty() { "python3" } else { "python" };
        folder.gate("test", &format!("{run}{python} manage.py test"), "manage.py");
    } else if folder.has("tox.ini") {
        folder.gate("test", "tox", "tox.ini");
    }
}

/// What goes before a command, and the setup that it needs.
fn runner(folder: &mut Folder<'_>) -> &'static str {
    const MANAGERS: [(&str, &str, &str); 3] = [
        ("uv.lock", "uv run ", "uv sync"),
        ("poetry.lock", "poetry run ", "poetry install"),
        ("pdm.lock", "pdm run ", "pdm sync"),
    ];
    let found = MANAGERS.into_iter().find(|(lock, _, _)| folder.has(lock));
    let Some((_, run, setup)) = found else { return "" };
    folder.setup(setup);
    run
}

fn has_test_files(folder: &Folder<'_>) -> bool {
    let entries = ["tests", "test"].iter().filter_map(|name| std::fs::read_dir(folder.path.join(name)).ok());
    entries.flatten().flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py"))
    })
}
