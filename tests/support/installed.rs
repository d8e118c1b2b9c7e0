//! The real command lines of agents, where `.ci/agents` put them, and what leads them to a mock of their API.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "these are tests, and each uses its part"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

/// The key that every mock takes.
pub const KEY: &str = "sk-ant-mock-000000000000";

/// The real program; none, with a word on how to get it, if it is not installed. In CI it has to be.
pub fn installed(name: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/agents/node_modules/.bin").join(name);
    if program.exists() {
        return Some(program);
    }
    assert!(std::env::var_os("CI").is_none(), "{name} is not installed: run .ci/agents first");
    eprintln!("SKIPPED: {name} is not installed; `.ci/agents` installs it into .cache/agents");
    None
}

/// What a person would have set up in their home.
pub fn settle_in(agent: &str, home: &Path, url: &str) {
    let write = |path: &str, text: &str| {
        let path = home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    match agent {
        "claude" => {
            let approved = KEY.get(KEY.len() - 20..).unwrap();
            let config = json!({"hasCompletedOnboarding": true, "theme": "dark",
                "customApiKeyResponses": {"approved": [approved]}});
            write(".claude.json", &config.to_string());
        }
        "codex" => write(
            ".codex/config.toml",
            &format!(
                "model = \"gpt-5.5\"\nmodel_provider = \"mock\"\n[model_providers.mock]\nname = \"mock\"\n\
                 base_url = \"{url}/v1\"\nenv_key = \"OPENAI_API_KEY\"\nrequest_max_retries = 1\nstream_max_retries = 1\n\
                 [notice.model_migrations]\n\"gpt-5.5\" = \"gpt-6-sol\"\n"
            ),
        ),
        "gemini" => write(
            ".gemini/settings.json",
            r#"{"security":{"auth":{"selectedType":"gemini-api-key"}},"general":{"disableAutoUpdate":true}}"#,
        ),
        "opencode" => {
            let provider = json!({"npm": "@ai-sdk/openai-compatible", "name": "Mock",
                "options": {"baseURL": format!("{url}/v1"), "apiKey": "{env:MOCK_KEY}"}, "models": {"m": {"name": "m"}}});
            let config = json!({"share": "disabled", "provider": {"mock": provider}, "model": "mock/m"});
            write(".config/opencode/opencode.json", &config.to_string());
            let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/agents/opencode");
            for part in ["package.json", "package-lock.json"] {
                write(
                    &format!(".config/opencode/{part}"),
                    &fs::read_to_string(plugins.join(part)).expect("what opencode fetches: run .ci/agents"),
                );
            }
            let modules = home.join(".config/opencode/node_modules");
            std::os::unix::fs::symlink(plugins.join("node_modules"), modules).unwrap();
        }
        _ => {}
    }
}

/// The variables that lead it to the mock.
pub fn mock_environment(agent: &str, url: &str) -> Vec<(String, String)> {
    let list: &[(&str, &str)] = match agent {
        "claude" => &[("ANTHROPIC_BASE_URL", url), ("CLAUDE_CODE_MAX_RETRIES", "1")],
        "gemini" => &[("GOOGLE_GEMINI_BASE_URL", url)],
        // Otherwise it fetches its list of models first.
        "opencode" => &[("MOCK_KEY", KEY), ("OPENCODE_DISABLE_MODELS_FETCH", "1")],
        _ => &[],
    };
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Has the sessions that Gemini CLI wrote down in this home begun in another minute.
pub fn later(home: &Path) {
    let projects = fs::read_dir(home.join(".gemini/tmp")).unwrap().flatten();
    let files = projects.filter_map(|project| fs::read_dir(project.path().join("chats")).ok());
    for file in files.flatten().flatten() {
        let name = file.file_name().into_string().unwrap();
        // `session-2026-11-21T13-27-…`
        let (day, rest) = (name.get(..19).unwrap(), name.get(24..).unwrap());
        fs::rename(file.path(), file.path().with_file_name(format!("{day}00-00{rest}"))).unwrap();
    }
}
