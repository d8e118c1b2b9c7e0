//! Tests of whole prompts.

use super::*;
use crate::model::event::Conflict;
use crate::model::finding::FindingState;
use crate::model::{EffectId, Finding, GateResult, Oid, PlanTask, Severity, TaskId};

fn brief(step: StepKind) -> Brief {
    Brief {
        step,
        goal: "A garden that waters itself".to_owned(),
        task: PlanTask {
            id: TaskId::from("T2"),
            title: "Say what is due".to_owned(),
            description: "`garden due` lists plants whose day has come.".to_owned(),
            acceptance: vec![
                "A plant due today is listed".to_owned(),
                "An empty garden lists nothing".to_owned(),
            ],
            ..PlanTask::default()
        },
        round: 2,
        max_rounds: 3,
        slot: 0,
        attempt: 1,
        checks: Vec::new(),
        base: Some(Oid::from("aaaaaaaaaa")),
        tip: Some(Oid::from("bbbbbbbbbb")),
        findings: vec![Finding {
            number: 4,
            round: 1,
            source: "sim-cy".to_owned(),
            severity: Severity::Major,
            file: "lib/due.sh".to_owned(),
            line: 12,
            description: "Off by one.".to_owned(),
            suggestion: "Use -ge.".to_owned(),
            why: String::new(),
            state: FindingState::Reopened,
        }],
        gates: vec![GateResult {
            gate: "test".to_owned(),
            oid: Oid::from("bbbbbbbbbb"),
            code: Some(1),
            timed_out: false,
            duration_ms: 2100,
            log: String::new(),
            tail: "FAIL due today".to_owned(),
            ..GateResult::default()
        }],
        conflicts: vec![Conflict {
            path: "lib/list.sh".to_owned(),
            hunks: "<<<<<<< a\n=======\n".to_owned(),
        }],
        notes: vec!["Keep it POSIX.".to_owned()],
        interrupted: Some("the machine went down".to_owned()),
        repeated: vec!["gate test fails: 1 of 3 (2 rounds in a row)".to_owned()],
        corrections: Vec::new(),
        agents: vec!["sim-ada".to_owned()],
        follows: None::<EffectId>,
    }
}

const STEPS: [StepKind; 4] = [StepKind::Plan, StepKind::Implement, StepKind::Review, StepKind::Fix];

#[test]
fn every_prompt_of_a_task_holds_its_specification_whatever_the_round() {
    for step in [StepKind::Implement, StepKind::Review, StepKind::Fix] {
        for corrections in [vec![], vec!["verdict is missing".to_owned()]] {
            let text = render(&Brief { corrections, ..brief(step) }, &Extra::default());
            for fact in [
                "Say what is due",
                "`garden due` lists plants",
                "1. A plant due today is listed",
                "2. An empty garden lists nothing",
                "A garden that waters itself",
                "Round 2 of 3",
                "4. [major, open again after a fix] lib/due.sh:12 (round 1, sim-cy)",
                "Suggested: Use -ge.",
                "test: FAILED with exit code 1",
                "FAIL due today",
                "Keep it POSIX.",
            ] {
                assert!(text.contains(fact), "{step:?} lacks {fact:?}:\n{text}");
            }
        }
    }
}

#[test]
fn no_placeholder_and_no_gap_is_left() {
    for step in STEPS {
        let bare = Brief {
            findings: vec![],
            gates: vec![],
            conflicts: vec![],
            notes: vec![],
            interrupted: None,
            agents: vec![],
            ..brief(step)
        };
        for brief in [bare, brief(step), Brief { corrections: vec!["x".to_owned()], ..brief(step) }] {
            let text = render(&brief, &Extra::default());
            assert!(!text.contains("{{") && !text.contains("\n\n\n"), "{text}");
        }
    }
}

#[test]
fn braces_in_a_description_stay_text() {
    let mut brief = brief(StepKind::Implement);
    brief.task.description = "Render {{result}} with {{ and }}".to_owned();
    assert!(render(&brief, &Extra::default()).contains("Render {{result}} with {{ and }}"));
}

#[test]
fn the_implementer_is_told_of_the_interruption_and_of_conflicts() {
    let text = render(&brief(StepKind::Fix), &Extra::default());
    assert!(text.contains("its uncommitted changes are still in the tree"));
    assert!(text.contains("the machine went down"));
    assert!(text.contains("`lib/list.sh`"));
}

#[test]
fn reviewers_get_the_diff_and_are_told_to_judge_only() {
    let extra =
        Extra { diff: Some("diff --git a/x b/x\n+y".to_owned()), structured: true, ..Extra::default() };
    let text = render(&brief(StepKind::Review), &extra);
    assert!(text.contains("Judge it; do not edit"));
    assert!(text.contains("+y\nend diff"));
    assert!(text.contains("structured output") && text.contains("request_changes"));
    assert!(!render(&brief(StepKind::Implement), &extra).contains("+y"));
}

#[test]
fn the_way_to_hand_in_follows_what_the_agent_can_do() {
    let file = Extra { result_file: Some(PathBuf::from("/x/result.json")), ..Extra::default() };
    assert!(render(&brief(StepKind::Review), &file).contains("`/x/result.json`"));
    assert!(render(&brief(StepKind::Implement), &file).contains("\"summary\""));
    assert!(render(&brief(StepKind::Implement), &Extra::default()).contains("End with a summary"));
    assert!(render(&brief(StepKind::Plan), &Extra::default()).contains("last thing of your output"));
}

#[test]
fn who_can_call_back_is_told_of_it() {
    let extra = Extra { tools: true, ..Extra::default() };
    for step in [StepKind::Implement, StepKind::Fix] {
        assert!(render(&brief(step), &extra).contains("`ask_person`"));
        assert!(!render(&brief(step), &Extra::default()).contains("ask_person"));
    }
    assert!(!render(&brief(StepKind::Review), &extra).contains("ask_person"), "who judges calls nobody");
}

#[test]
fn each_role_has_a_prompt() {
    for name in roles() {
        assert!(role(name).is_some_and(|text| text.len() > 100), "{name}");
    }
    assert!(role("wizard").is_none());
}

#[test]
fn the_planner_sees_whom_it_may_name() {
    let text = render(&brief(StepKind::Plan), &Extra::default());
    assert!(text.contains("- sim-ada") && text.contains("A garden that waters itself"));
}
