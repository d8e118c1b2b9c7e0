//! Rules 1 to 3 and 5: votes and findings.

use loopmon::model::event::StepEvent;
use loopmon::model::{
    AttentionReason, Command, Event, FailureKind, FindingState, Hold, Phase, Policy, Quorum, Severity,
    StepKind, StepOutcome, Verdict, Vote,
};

use crate::world::{World, approval, policy, rejection, remark};

#[test]
fn a_vote_on_an_old_round_and_tree_never_approves_new_code() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let (old, brief) = world.reviewer("a", 0);
    let tip = brief.tip.clone();
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["wrong"]));
    world.reach_review("a");
    assert_ne!(world.reviewer("a", 0).1.tip, tip);
    assert_eq!(world.reviewer("a", 0).1.round, 2);
    // The approval of the old tree comes a second time.
    world.end(old, StepOutcome::Reviewed { verdict: approval() });
    world.vote("a", 1, approval());
    assert_eq!(world.phase("a"), Phase::Reviewing, "slot 0 has not voted on the new tree");
    world.vote("a", 0, approval());
    assert_eq!(world.phase("a"), Phase::Merging);
}

#[test]
fn the_same_tree_in_a_new_round_is_reviewed_afresh() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["wrong"]));
    // The fixer changes nothing: the branch stays where it was.
    let tip = world.task("a").work.tip.clone().unwrap();
    let (effect, _) = world.agent("a", StepKind::Fix);
    world.end(effect, crate::world::worked());
    let effect = world.flying(|kind| matches!(kind, loopmon::engine::EffectKind::CommitWork { .. })).unwrap();
    let change = loopmon::model::event::Change { files: 1, added: 1, removed: 0 };
    world.event(Event::Work(loopmon::model::event::WorkEvent::Committed {
        effect,
        oid: tip,
        change,
        tree: None,
        checks: Vec::new(),
        touched: Vec::new(),
    }));
    assert!(world.gate("a").is_none(), "what the gates said of this very commit still stands");
    assert_eq!((world.phase("a"), world.agents("a").len()), (Phase::Reviewing, 2));
}

#[test]
fn a_fast_approval_never_hides_a_slow_rejection() {
    for first in [0, 1] {
        let mut world = World::of_one(Policy { quorum: Quorum::AtLeast(1), ..policy() });
        world.reach_review("a");
        world.vote("a", first, approval());
        assert_eq!(world.phase("a"), Phase::Reviewing, "one reviewer is still at it");
        world.vote("a", 1 - first, rejection(&["wrong"]));
        assert_eq!(world.phase("a"), Phase::Fixing);
    }
}

#[test]
fn the_quorum_is_as_configured() {
    let failed =
        || StepOutcome::Failed { failure: FailureKind::Configuration, message: "no such program".to_owned() };
    for (quorum, approved) in [(Quorum::All, false), (Quorum::AtLeast(2), false), (Quorum::AtLeast(1), true)]
    {
        let mut world = World::of_one(Policy { quorum, ..policy() });
        world.reach_review("a");
        world.vote("a", 0, approval());
        let (effect, _) = world.reviewer("a", 1);
        world.end(effect, failed());
        let phase = if approved { Phase::Merging } else { Phase::Reviewing };
        assert_eq!(world.phase("a"), phase, "{quorum:?}");
        assert_eq!(world.row("a").is_some(), !approved);
    }
}

#[test]
fn a_failed_reviewer_gives_no_vote_and_the_others_go_on_and_it_runs_again_and_then_a_person_is_asked() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    for attempt in 1..=3 {
        let (effect, brief) = world.reviewer("a", 0);
        assert_eq!(brief.attempt, attempt);
        world.end(effect, if attempt == 2 { StepOutcome::TimedOut } else { StepOutcome::Lost });
        assert!(world.task("a").hold.is_none(), "the other reviewer is at work");
        if attempt < 3 {
            world.timer();
        }
    }
    world.vote("a", 1, approval());
    assert!(
        matches!(&world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::VoteMissing(who))) if who.contains("rex"))
    );
    assert_eq!(world.task("a").round, 1, "that took no round");
    world.ask(Command::Retry("a".into()));
    assert_eq!(world.agents("a").len(), 1, "only the missing vote is asked for");
    world.vote("a", 0, approval());
    assert_eq!(world.phase("a"), Phase::Merging);
}

#[test]
fn a_rejection_counts_although_another_reviewer_failed() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let (effect, _) = world.reviewer("a", 0);
    let failure = FailureKind::Authentication;
    world.end(effect, StepOutcome::Failed { failure, message: "log in".to_owned() });
    world.vote("a", 1, rejection(&["wrong"]));
    assert_eq!(world.phase("a"), Phase::Fixing);
}

#[test]
fn an_unclear_verdict_is_asked_again_in_the_same_session_and_never_guessed() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let (effect, _) = world.reviewer("a", 0);
    world.event(Event::Step(StepEvent::SessionSeen { effect, resume: "s-1".to_owned() }));
    world
        .end(effect, StepOutcome::Invalid { errors: vec!["no vote in \"I cannot accept this\"".to_owned()] });
    let (effect, brief) = world.reviewer("a", 0);
    assert_eq!(brief.corrections, ["no vote in \"I cannot accept this\""]);
    let resumed = world.asked.iter().any(|asked| {
        asked.id == effect
            && matches!(&asked.kind, loopmon::engine::EffectKind::RunStep { resume: Some(id), .. } if id == "s-1")
    });
    assert!(resumed, "the correction goes to the session that gave the answer");
    for _ in 0..3 {
        let (effect, _) = world.reviewer("a", 0);
        world.end(effect, StepOutcome::Invalid { errors: vec!["still not".to_owned()] });
    }
    assert!(world.agents("a").iter().all(|(_, brief)| brief.slot == 1), "three corrections are enough");
    world.vote("a", 1, approval());
    assert!(world.row("a").unwrap().text.contains("still not"));
}

#[test]
fn a_correction_that_is_cut_short_is_still_to_be_made() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let (effect, _) = world.reviewer("a", 0);
    world.end(effect, StepOutcome::Invalid { errors: vec!["no vote".to_owned()] });
    let (effect, _) = world.reviewer("a", 0);
    world.end(effect, StepOutcome::Lost);
    world.timer();
    assert_eq!(world.reviewer("a", 0).1.corrections, ["no vote"]);
}

#[test]
fn a_request_for_changes_that_names_none_is_asked_again() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.vote("a", 0, rejection(&[]));
    world.vote("a", 1, approval());
    assert_eq!(world.phase("a"), Phase::Reviewing);
    let (_, brief) = world.reviewer("a", 0);
    assert_eq!(brief.corrections.len(), 1);
    world.vote("a", 0, rejection(&["  "]));
    world.vote("a", 0, rejection(&["the lock is never released"]));
    assert_eq!(world.phase("a"), Phase::Fixing);
}

#[test]
fn what_is_no_verdict_is_no_vote() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let (effect, _) = world.reviewer("a", 0);
    world.end(effect, crate::world::worked());
    world.vote("a", 1, approval());
    assert_eq!(world.phase("a"), Phase::Reviewing);
    assert_eq!(world.reviewer("a", 0).1.corrections.len(), 1);
}

#[test]
fn the_fixer_sees_the_open_findings_of_this_round_once_each() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.vote("a", 0, rejection(&["Off by one in line 12", "unsafe cast"]));
    world.vote("a", 1, rejection(&["off by one, in line 13!"]));
    let (_, brief) = world.agent("a", StepKind::Fix);
    let told: Vec<&str> = brief.findings.iter().map(|finding| finding.description.as_str()).collect();
    assert_eq!(told, ["Off by one in line 12", "unsafe cast"]);
    world.reach_review("a");
    let (_, brief) = world.reviewer("a", 0);
    assert_eq!(brief.findings.len(), 2, "a fresh reviewer knows what was confirmed so far");
    assert!(brief.findings.iter().all(|finding| matches!(finding.state, FindingState::Fixed(_))));
    world.vote("a", 0, rejection(&["no test"]));
    world.vote("a", 1, rejection(&["unsafe cast"]));
    let (_, brief) = world.agent("a", StepKind::Fix);
    let told: Vec<(&str, &FindingState)> =
        brief.findings.iter().map(|finding| (finding.description.as_str(), &finding.state)).collect();
    assert_eq!(told, [("unsafe cast", &FindingState::Reopened), ("no test", &FindingState::Raised)]);
}

#[test]
fn a_finding_raised_again_has_the_newer_line_and_the_worse_severity() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.vote("a", 0, rejection(&["unsafe cast"]));
    let mut worse = remark(Severity::Critical, "unsafe cast");
    worse.line = 40;
    let verdict = Verdict { remarks: vec![worse], ..rejection(&[]) };
    world.vote("a", 1, verdict);
    let (_, brief) = world.agent("a", StepKind::Fix);
    assert_eq!(brief.findings.len(), 1);
    assert_eq!((brief.findings[0].severity, brief.findings[0].line), (Severity::Critical, 40));
    assert_eq!(brief.findings[0].state, FindingState::Raised);
}

#[test]
fn an_approval_with_nits_goes_on_and_keeps_them_in_the_ledger() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    let nits = vec![remark(Severity::Nit, "name"), remark(Severity::Minor, "comment")];
    world.vote("a", 0, Verdict { vote: Vote::Approve, summary: String::new(), remarks: nits });
    world.vote("a", 1, approval());
    assert_eq!(world.phase("a"), Phase::Merging, "the fix is skipped");
    assert_eq!(world.spawned("a", StepKind::Fix), 0);
    assert_eq!(world.task("a").findings.len(), 2);
    assert!(world.task("a").findings.iter().all(|finding| finding.state == FindingState::Deferred));
}

#[test]
fn without_reviewers_the_gates_alone_decide() {
    let mut policy = policy();
    policy.team.reviewers.clear();
    let mut world = World::of_one(policy);
    world.work("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn the_order_in_which_reviewers_arrive_changes_nothing() {
    let verdicts = [approval(), rejection(&["one"]), rejection(&["two", "one"])];
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut policy = policy();
        policy.team.reviewers = ["rex", "rio", "pam"].map(Into::into).to_vec();
        let mut world = World::of_one(policy);
        world.reach_review("a");
        for slot in order {
            world.vote("a", slot, verdicts[slot as usize].clone());
        }
        outcomes.push((
            world.phase("a"),
            world.task("a").findings.clone(),
            world.agent("a", StepKind::Fix).1,
        ));
    }
    assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn neither_does_it_where_one_of_them_fails() {
    let failed =
        || StepOutcome::Failed { failure: FailureKind::Configuration, message: "no such program".to_owned() };
    let outcomes = |last: Verdict| {
        [StepOutcome::Reviewed { verdict: approval() }, failed(), StepOutcome::Reviewed { verdict: last }]
    };
    for (quorum, last) in [
        (Quorum::All, approval()),
        (Quorum::AtLeast(2), approval()),
        (Quorum::AtLeast(1), rejection(&["one"])),
        (Quorum::All, rejection(&["one"])),
    ] {
        let mut ends = Vec::new();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut policy = Policy { quorum, ..policy() };
            policy.team.reviewers = ["rex", "rio", "pam"].map(Into::into).to_vec();
            let mut world = World::of_one(policy);
            world.reach_review("a");
            for slot in order {
                let (effect, _) = world.reviewer("a", slot);
                world.end(effect, outcomes(last.clone())[slot as usize].clone());
            }
            let task = world.task("a");
            ends.push((task.phase, task.hold.clone(), task.findings.clone(), task.round));
        }
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{quorum:?}: {ends:?}");
    }
}
