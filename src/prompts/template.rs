//! Filling templates: `{{name}}` stands for a section. Not a template language: no conditions, no loops.
//!
//! Invariant: one pass. Braces inside a section's text are text.

/// The template with each `{{name}}` replaced by what `section` gives for it. Empty sections leave no gap.
pub(super) fn fill(template: &str, section: impl Fn(&str) -> String) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    for paragraph in template.split("\n\n") {
        let filled = fill_once(paragraph, &section);
        let filled = filled.trim_matches('\n');
        if !filled.trim().is_empty() {
            paragraphs.push(filled.to_owned());
        }
    }
    paragraphs.join("\n\n") + "\n"
}

fn fill_once(text: &str, section: &impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        out.push_str(before);
        out.push_str(&section(name.trim()));
        rest = behind;
    }
    out.push_str(rest);
    out
}
