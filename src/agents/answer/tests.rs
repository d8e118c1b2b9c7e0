//! Tests of finding and judging answers.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Severity, Vote};

const APPROVAL: &str = r#"{"verdict":"approve","summary":"All criteria hold.","findings":[]}"#;

fn verdict(vote: &str, severities: &[&str]) -> String {
    let findings: Vec<Value> = severities
        .iter()
        .map(|s| json!({"severity": s, "file": "./a.rs", "line": 3, "description": "bad"}))
        .collect();
    json!({"verdict": vote, "summary": "Checked.", "findings": findings}).to_string()
}

#[test]
fn a_verdict_is_found_wherever_it_is_printed() {
    for text in [
        APPROVAL.to_owned(),
        format!("  \n{APPROVAL}\n"),
        format!("I looked.\n```json\n{APPROVAL}\n```\nThat is all."),
        format!("```sh\nls {{a,b}}\n```\nso\n\n{APPROVAL}\nbye }} {{"),
        format!("```json\n{}\n```\nno, rather\n```\n{APPROVAL}\n```", verdict("request_changes", &["major"])),
        format!("{} then {APPROVAL}", verdict("request_changes", &["major"])),
    ] {
        assert_eq!(parse_verdict(&text).map(|v| v.vote), Ok(Vote::Approve), "{text}");
    }
}

#[test]
fn an_unclear_verdict_is_asked_again_and_never_guessed() {
    for (text, hint) in [
        ("I cannot accept this.".to_owned(), "no JSON object"),
        ("approve".to_owned(), "no JSON object"),
        (String::new(), "no JSON object"),
        ("[1]".to_owned(), "no JSON object"),
        (verdict("I cannot accept", &["major"]), "/verdict"),
        (verdict("accept", &[]), "/verdict"),
        (verdict("APPROVE", &[]), "/verdict"),
        (verdict("approve", &["critical"]), "critical or major"),
        (verdict("approve", &["nit", "major"]), "critical or major"),
        (verdict("request_changes", &[]), "no finding"),
        (verdict("request_changes", &["terrible"]), "/findings/0/severity"),
        (
            json!({"verdict": "approve", "summary": "I cannot accept it", "findings": []}).to_string(),
            "which of the two",
        ),
        (json!({"verdict": "approve", "summary": " ", "findings": []}).to_string(), "blank"),
        (json!({"verdict": "approve", "findings": []}).to_string(), "summary"),
        (json!({"verdict": "approve", "summary": "ok"}).to_string(), "findings"),
        (
            json!({"verdict": "approve", "summary": "ok", "findings": [], "issues": ["x"]}).to_string(),
            "issues",
        ),
        (json!({"verdict": null, "summary": "ok", "findings": []}).to_string(), "/verdict"),
    ] {
        let errors = parse_verdict(&text).expect_err(&text);
        assert!(errors.iter().any(|error| error.contains(hint)), "{text}: {errors:?}");
    }
}

#[test]
fn an_approval_may_hold_minor_things() {
    let verdict = parse_verdict(&verdict("approve", &["minor", "nit"])).unwrap();
    assert_eq!(verdict.remarks.len(), 2);
    assert_eq!(verdict.remarks[0].severity, Severity::Minor);
    assert_eq!((verdict.remarks[0].file.as_str(), verdict.remarks[0].line), ("a.rs", 3));
}

#[test]
fn usage_may_stand_in_any_answer() {
    let text = r#"{"summary":"done","usage":{"cost_usd":0.0123,"input_tokens":10,"output_tokens":2}}"#;
    assert_eq!(parse_work(text), Ok(("done".to_owned(), Vec::new())));
    assert_eq!(
        reported_usage(text),
        Some(Usage { cost_micros: 12_300, input_tokens: 10, output_tokens: 2, ..Usage::default() })
    );
    assert_eq!(reported_usage(r#"{"summary":"x","usage":{"cost_usd":-1}}"#), Some(Usage::default()));
    assert_eq!(reported_usage("{}"), None);
}

#[test]
fn a_plan_is_read_and_its_titles_are_one_line() {
    let text = json!({"tasks": [
        {"id": "T1", "title": "Do\n$(rm)\x1b[31m it", "description": "d\x07", "acceptance": ["a"], "depends_on": [],
         "role": null, "agent": null},
        {"id": "T2", "title": "t", "description": "d", "acceptance": ["a"], "depends_on": ["T1"], "role": "qa",
         "human": true, "files": ["src/x.rs"]},
    ]})
    .to_string();
    let plan = parse_plan(&text).unwrap();
    assert_eq!(plan.tasks[0].title, "Do $(rm) it");
    assert_eq!(plan.tasks[0].description, "d");
    assert_eq!(plan.tasks[1].depends_on[0].as_str(), "T1");
    assert!(plan.tasks[1].human && plan.tasks[1].role.as_deref() == Some("qa"));
}

#[test]
fn a_plan_with_a_misspelt_key_or_a_bad_id_is_refused_rather_than_half_read() {
    let task = |extra: Value| {
        let mut task =
            json!({"id": "T1", "title": "t", "description": "d", "acceptance": ["a"], "depends_on": []});
        task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        parse_plan(&json!({"tasks": [task]}).to_string())
    };
    assert!(task(json!({})).is_ok());
    assert!(task(json!({"dependsOn": ["T9"]})).unwrap_err()[0].contains("dependsOn"));
    assert!(task(json!({"id": "a b"})).unwrap_err()[0].contains("a b"));
    assert!(task(json!({"acceptance": []})).unwrap_err()[0].contains("/tasks/0/acceptance"));
    assert!(parse_plan(r#"{"tasks":[]}"#).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_search_fail(text in ".{0,400}") {
        let _ = find_object(&text);
        let _ = parse_verdict(&text);
        let _ = parse_plan(&text);
    }

    #[test]
    fn jumbled_json_makes_the_search_fail_neither(parts in prop::collection::vec(
        prop::sample::select(vec!["{", "}", "\"", "[", "]", ":", ",", "```json\n", "\n```\n", "a", "1", "\\", APPROVAL]), 0..60)
    ) {
        let _ = find_object(&parts.concat());
    }

    #[test]
    fn the_last_object_is_found_after_any_chatter(chatter in "[^{}`\"]{0,200}", tail in "[^{}`]{0,100}") {
        let text = format!("{chatter} {{\"old\": 1}} {chatter} {APPROVAL} {tail}");
        prop_assert_eq!(parse_verdict(&text).map(|v| v.vote), Ok(Vote::Approve));
    }

    #[test]
    fn an_object_in_a_string_is_not_an_answer(inner in "[a-z{}\\[\\]:, ]{0,60}") {
        let text = json!({"verdict": "approve", "summary": format!("x{inner}"), "findings": []}).to_string();
        prop_assert_eq!(parse_verdict(&format!("see: {text}")).map(|v| v.summary), Ok(format!("x{inner}").trim().to_owned()));
    }
}

#[test]
fn a_flood_of_braces_is_searched_in_bounded_time() {
    let started = std::time::Instant::now();
    assert_eq!(find_object(&"{\"a\":".repeat(200_000)), None);
    assert_eq!(find_object(&"{".repeat(2_000_000)), None);
    assert!(started.elapsed().as_secs() < 20);
}
