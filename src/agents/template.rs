//! Placeholders of a command's arguments. Each argument stays one argument: there is no shell, so nothing is quoted.

use crate::agents::launch::{ARGUMENT_LIMIT, LaunchError, LaunchRequest};

const KNOWN: [&str; 8] =
    ["prompt_file", "prompt", "result_file", "session_id", "worktree", "task", "role", "model"];

/// Arguments with their placeholders replaced, in one pass.
pub(super) fn fill<'a>(
    request: &LaunchRequest<'_>,
    parts: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<String>, LaunchError> {
    let filled: Vec<String> =
        parts.into_iter().map(|part| fill_part(request, part)).collect::<Result<_, _>>()?;
    match filled.iter().find(|argument| argument.len() > ARGUMENT_LIMIT) {
        Some(argument) => {
            Err(LaunchError::PromptTooLong { agent: request.agent().clone(), bytes: argument.len() })
        }
        None => Ok(filled),
    }
}

fn fill_part(request: &LaunchRequest<'_>, part: &str) -> Result<String, LaunchError> {
    let mut out = String::new();
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        // `{{name}}` is how `{name}` itself is written.
        let doubled = after.strip_prefix('{').and_then(placeholder);
        if let Some((name, behind)) = doubled.and_then(|(name, rest)| Some((name, rest.strip_prefix('}')?))) {
            out.push_str(&format!("{{{name}}}"));
            rest = behind;
            continue;
        }
        match placeholder(after) {
            Some((name, behind)) => {
                out.push_str(&value(request, name)?);
                rest = behind;
            }
            // Any other brace, as in `awk '{print $1}'` or JSON, is the command's own.
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name up to the closing brace, if what follows looks like a placeholder.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.split_once('}')?;
    let looks = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    looks.then_some((name, behind))
}

fn value(request: &LaunchRequest<'_>, name: &str) -> Result<String, LaunchError> {
    Ok(match name {
        "prompt_file" => request.prompt_file.to_string_lossy().into_owned(),
        "prompt" => request.prompt_text.to_owned(),
        "result_file" => request.result_file.to_string_lossy().into_owned(),
        "session_id" => request.resume.unwrap_or(request.session).to_owned(),
        "worktree" => request.worktree.to_string_lossy().into_owned(),
        "task" => request.task.to_owned(),
        "role" => request.role.unwrap_or_default().to_owned(),
        "model" => request.profile.model.clone().unwrap_or_default(),
        _ => {
            return Err(LaunchError::UnknownPlaceholder {
                agent: request.agent().clone(),
                name: name.to_owned(),
                known: KNOWN.map(|known| format!("{{{known}}}")).join(", "),
            });
        }
    })
}
