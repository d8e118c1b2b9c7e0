//! The sections of a prompt, each made of the facts it needs and empty without them.

use crate::model::finding::FindingState;
use crate::model::{Brief, Finding, GateResult, StepKind};

use super::quote::{RULES, inline, quote};
use super::{DIFF_LIMIT, Extra, diff, schema};

/// The section of that name; empty if there is nothing to say.
pub(super) fn section(name: &str, brief: &Brief, extra: &Extra) -> String {
    match name {
        "rules" => RULES.to_owned(),
        "step" => brief.step.name().to_owned(),
        "role" => role(extra),
        "goal" => quote("goal", &brief.goal),
        "goal_background" => goal_background(brief),
        "task" => task(brief),
        "acceptance" => acceptance(brief),
        "round" => round(brief),
        "interrupted" => interrupted(brief),
        "repeated" => repeated(brief),
        "conflicts" => conflicts(brief),
        "findings" => findings(brief),
        "gates" => gates(brief),
        "checks" => checks(brief),
        "notes" => notes(brief),
        "tools" => tools(brief, extra),
        "repositories" => repositories(extra),
        "team" => team(brief),
        "corrections" => corrections(brief),
        "diff" => diff_section(brief, extra),
        "result" => result(brief, extra),
        _ => String::new(),
    }
}

fn role(extra: &Extra) -> String {
    // A role's prompt comes from the person's configuration or from us: it is an instruction, not material.
    extra.role_prompt.as_deref().map(super::discipline).unwrap_or_default()
}

fn repositories(extra: &Extra) -> String {
    if extra.repositories.is_empty() {
        return String::new();
    }
    let folders: Vec<String> = extra.repositories.iter().map(|name| format!("{name}/")).collect();
    format!(
        "# Several repositories\nEach of these folders is a repository of its own: {}. Paths begin with the folder's name. What \
         a task changes in several of them is merged in all of them at once. Files beside these folders are not kept.",
        folders.join(", ")
    )
}

fn goal_background(brief: &Brief) -> String {
    if brief.goal.trim().is_empty() || brief.step == StepKind::Plan {
        return String::new();
    }
    format!("# The larger goal, as background\n{}", quote("goal", &brief.goal))
}

fn task(brief: &Brief) -> String {
    let task = &brief.task;
    if brief.step == StepKind::Plan {
        return format!("# Goal\n{}", quote("goal", &brief.goal));
    }
    let mut text = format!("{}\n\n{}", inline(&task.title), task.description.trim());
    if !task.files.is_empty() {
        text.push_str(&format!("\n\nFiles it probably touches: {}", task.files.join(", ")));
    }
    format!("# Task {}\n{}", inline(task.id.as_str()), quote("task", &text))
}

fn acceptance(brief: &Brief) -> String {
    if brief.task.acceptance.is_empty() {
        return String::new();
    }
    let list: Vec<String> =
        (1..).zip(&brief.task.acceptance).map(|(n, text)| format!("{n}. {text}")).collect();
    format!("# Acceptance criteria: all must hold\n{}", quote("acceptance", &list.join("\n")))
}

fn round(brief: &Brief) -> String {
    if brief.step == StepKind::Plan {
        return String::new();
    }
    let mut text = format!("# Where this stands\nRound {} of {}.", brief.round, brief.max_rounds);
    if brief.step != StepKind::Review && brief.round > 1 {
        text.push_str(" The work of the earlier rounds is in the tree: build on it.");
    }
    if let Some(base) = &brief.base {
        let tip = brief.tip.as_ref().map(|tip| format!("..{tip}")).unwrap_or_default();
        text.push_str(&format!(
            " The work is compared with commit {base}: `git diff {base}{tip}` shows it all."
        ));
    }
    text
}

fn interrupted(brief: &Brief) -> String {
    let Some(how) = &brief.interrupted else { return String::new() };
    let tree = match brief.step {
        StepKind::Implement | StepKind::Fix => {
            " Your previous attempt was interrupted; its uncommitted changes are still in the tree. Look at them with \
             `git status` and `git diff` first, keep what is right and go on from there."
        }
        StepKind::Plan | StepKind::Review => " Your previous attempt was interrupted. Begin anew.",
    };
    format!("# This is attempt {}\n{}\n{}", brief.attempt, tree.trim(), quote("ending", how))
}

fn repeated(brief: &Brief) -> String {
    if brief.repeated.is_empty() {
        return String::new();
    }
    let list: Vec<String> = brief.repeated.iter().map(|what| format!("- {what}")).collect();
    format!(
        "# What was tried did not help\nThe following has come back in the same way each time. Do not repeat what is in the \
         tree already: find the cause first (run what fails and read it), take another approach, and say in your summary \
         what is different this time.\n{}",
        quote("repeated", &list.join("\n"))
    )
}

fn conflicts(brief: &Brief) -> String {
    if brief.conflicts.is_empty() {
        return String::new();
    }
    let mut text = "# Merge conflicts to resolve first\nWhat was merged meanwhile changed the same lines as this task. \
                    The merge lies in your worktree, with conflict markers. Keep the intent of both sides, remove every \
                    marker, and run the checks on the result."
        .to_owned();
    for conflict in &brief.conflicts {
        text.push_str(&format!("\n\n`{}`\n{}", inline(&conflict.path), quote("conflict", &conflict.hunks)));
    }
    text
}

fn findings(brief: &Brief) -> String {
    if brief.findings.is_empty() {
        return String::new();
    }
    let head = match brief.step {
        StepKind::Review => "# Findings so far, confirmed in earlier rounds",
        StepKind::Plan | StepKind::Implement | StepKind::Fix => "# Findings to put right",
    };
    let list: Vec<String> = brief.findings.iter().map(finding).collect();
    format!("{head}\n{}", quote("findings", &list.join("\n")))
}

fn finding(finding: &Finding) -> String {
    let place = match (finding.file.as_str(), finding.line) {
        ("", _) => String::new(),
        (file, 0) => format!(" {file}"),
        (file, line) => format!(" {file}:{line}"),
    };
    let severity = format!("{:?}", finding.severity).to_lowercase();
    let mut text = format!(
        "{}. [{severity}, {}]{place} (round {}, {})\n   {}",
        finding.number,
        state(finding),
        finding.round,
        finding.source,
        finding.description.trim().replace('\n', "\n   "),
    );
    if !finding.suggestion.trim().is_empty() {
        text.push_str(&format!("\n   Suggested: {}", finding.suggestion.trim().replace('\n', "\n   ")));
    }
    text
}

fn state(finding: &Finding) -> String {
    let why = |word: &str| match finding.why.trim() {
        "" => word.to_owned(),
        why => format!("{word}: {}", inline(why)),
    };
    match &finding.state {
        FindingState::Raised => "open".to_owned(),
        FindingState::Reopened => "open again after a fix".to_owned(),
        FindingState::Fixed(oid) => format!("said to be fixed in {}", oid.short()),
        FindingState::Dismissed => why("dismissed by a person"),
        FindingState::Deferred => why("deferred"),
    }
}

fn gates(brief: &Brief) -> String {
    if brief.gates.is_empty() {
        return String::new();
    }
    let list: Vec<String> = brief.gates.iter().map(gate).collect();
    format!("# The gates' last results, as run by loopmon\n{}", list.join("\n"))
}

fn gate(result: &GateResult) -> String {
    let name = inline(&result.gate);
    let seconds = result.duration_ms / 1000;
    if result.passed() {
        return format!("- {name}: passed on {} in {seconds} s", result.oid.short());
    }
    let before = match result.failed_before {
        Some(true) => " It failed before this task began, too.",
        Some(false) => " It passed before this task began.",
        None => "",
    };
    let how = match result.code {
        _ if result.timed_out => format!("did not end within its time limit ({seconds} s)"),
        Some(code) => format!("FAILED with exit code {code}"),
        None => "was ended by a signal".to_owned(),
    };
    format!("- {name}: {how}.{before} The end of its output:\n{}", quote("output", &result.tail))
}

fn checks(brief: &Brief) -> String {
    if brief.checks.is_empty() {
        return String::new();
    }
    let list: Vec<String> = brief.checks.iter().map(|change| format!("- {}", change.headline())).collect();
    let told = match brief.step {
        StepKind::Review => {
            "The work changes what judges it, which was not planned. Is each change right, or does it only make a check \
             pass? A person will look at it too."
        }
        StepKind::Plan | StepKind::Implement | StepKind::Fix => {
            "Your work changes these, which this task may not. The gates were run with them as they were before. Put them \
             back; or, if one is wrong, leave your change and say which and why under `wrong_checks` of your result."
        }
    };
    format!("# Changed checks\n{told}\n{}", quote("files", &list.join("\n")))
}

fn notes(brief: &Brief) -> String {
    if brief.notes.is_empty() {
        return String::new();
    }
    // The person's word is meant to steer; it is quoted so that nothing pasted in it poses as the end of this prompt.
    let list: Vec<String> = brief.notes.iter().map(|note| quote("note", note)).collect();
    format!("# From the person who supervises you, oldest first: follow it\n{}", list.join("\n"))
}

fn team(brief: &Brief) -> String {
    if brief.step != StepKind::Plan || brief.agents.is_empty() {
        return String::new();
    }
    let list: Vec<String> = brief.agents.iter().map(|name| format!("- {}", inline(name))).collect();
    format!("# Agents and roles that a task may name\n{}", list.join("\n"))
}

fn corrections(brief: &Brief) -> String {
    let list: Vec<String> = brief.corrections.iter().map(|error| format!("- {error}")).collect();
    format!("# What was wrong with it\n{}", quote("errors", &list.join("\n")))
}

fn diff_section(brief: &Brief, extra: &Extra) -> String {
    let Some(text) = &extra.diff else { return String::new() };
    if brief.step != StepKind::Review {
        return String::new();
    }
    let (kept, note) = diff::fit(text, DIFF_LIMIT);
    let note = note.map(|note| format!("\n{}", quote("note on the diff", &note))).unwrap_or_default();
    format!("# The work\n{}{note}", quote("diff", &kept))
}

fn tools(brief: &Brief, extra: &Extra) -> String {
    if !extra.tools || matches!(brief.step, StepKind::Plan | StepKind::Review) {
        return String::new();
    }
    "# Tools of this run\n\
     The MCP server `loopmon` gives you these; if you do not see them, search your tools for that name.\n\
     - `read_task` and `read_board`: what is asked and how everything stands, if you need it again.\n\
     - `report_progress`: a few words where you begin something that takes long.\n\
     - `post_message`: what others should know, a check that is itself wrong above all.\n\
     - `ask_person`: only for what nobody else can decide and a wrong guess would ruin; it holds the task up.\n\
     - `hand_in`: your result, checked at once."
        .to_owned()
}

fn result(brief: &Brief, extra: &Extra) -> String {
    let schema = schema(brief.step).trim();
    let optional = matches!(brief.step, StepKind::Implement | StepKind::Fix) && brief.corrections.is_empty();
    let how = match &extra.result_file {
        _ if extra.structured => {
            "Hand it in as your structured output, a JSON object of this schema:".to_owned()
        }
        Some(path) => format!(
            "As the last thing you do, write a JSON object of this schema to the file `{}` (its path is also in \
             $LOOPMON_RESULT). If you cannot write files, print the object as the last thing of your output.",
            path.display()
        ),
        None if optional => {
            return "# Your result\nYour changes in the tree are the result. End with a summary in a few sentences: \
                    what was done and why, what was left out, what a reviewer should look at. If a check is itself \
                    wrong, end with a JSON object instead: {\"summary\": \"…\", \"wrong_checks\": [\"which, and what \
                    shows it\"]}."
                .to_owned();
        }
        None => "Print a JSON object of this schema as the last thing of your output, and nothing after it."
            .to_owned(),
    };
    format!("# Your result\n{how}\n```json\n{schema}\n```")
}
