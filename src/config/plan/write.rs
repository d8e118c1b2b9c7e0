//! A plan as TOML that a person can edit.
//!
//! Not for machines (they take JSON). Invariant: the text reads back as the same plan, whatever its strings hold.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::{Plan, PlanTask};

const PROPOSED: &str = "# The plan. Change what you like, save and close: nothing runs before you say go.\n";
const KEYS: &str = "\
# id           short and unique; it becomes part of a branch name
# title        one line
# description  what to do, as the agent will read it
# acceptance   what must be true when it is done
# depends_on   ids of tasks whose merged work it needs
# role, agent  who does it; leave out for the defaults
# human        true: waits for your approval before it is merged
# files        what it will probably touch
# gates        gates on request that it needs
# priority     higher ones begin first; 0 is the usual
# locks        things that only one task at a time may use
# pattern      whose sessions live how long: workflow, inline, pair, standing, promote, trio
# may_change   globs of existing tests and other checks that it may change

";

/// Writes a plan that waits, with comments that explain its keys.
pub fn to_toml(plan: &Plan) -> String {
    let mut document = DocumentMut::new();
    document.insert("goal", value(&plan.goal));
    insert_tasks(&mut document, &plan.tasks);
    format!("{PROPOSED}{KEYS}{document}")
}

/// Writes tasks of a plan that is worked on; `opening` says what becomes of the text, line by line.
pub fn tasks_to_toml(tasks: &[PlanTask], opening: &str) -> String {
    let mut document = DocumentMut::new();
    insert_tasks(&mut document, tasks);
    let opening: String = opening.lines().map(|line| format!("# {line}\n")).collect();
    format!("{opening}{KEYS}{document}")
}

fn insert_tasks(document: &mut DocumentMut, tasks: &[PlanTask]) {
    let mut tables = ArrayOfTables::new();
    for task in tasks {
        tables.push(table(task));
    }
    if !tables.is_empty() {
        document.insert("tasks", Item::ArrayOfTables(tables));
    }
}

fn table(task: &PlanTask) -> Table {
    let mut table = Table::new();
    table.insert("id", value(&task.id));
    table.insert("title", value(&task.title));
    for (key, text) in [
        ("description", &task.description),
        ("role", &task.role),
        ("agent", &task.agent),
        ("pattern", &task.pattern),
    ] {
        if !text.is_empty() {
            table.insert(key, value(text));
        }
    }
    for (key, list) in [
        ("acceptance", &task.acceptance),
        ("depends_on", &task.depends_on),
        ("files", &task.files),
        ("gates", &task.gates),
        ("may_change", &task.may_change),
        ("locks", &task.locks),
    ] {
        if !list.is_empty() {
            table.insert(key, value(lines(list)));
        }
    }
    if task.priority != 0 {
        table.insert("priority", value(i64::from(task.priority)));
    }
    if task.human {
        table.insert("human", value(true));
    }
    table
}

/// Short lists on one line, others with a line for each item.
fn lines(list: &[String]) -> Array {
    let mut array: Array = list.iter().map(Value::from).collect();
    if list.iter().map(String::len).sum::<usize>() > 70 {
        for item in array.iter_mut() {
            item.decor_mut().set_prefix("\n    ");
        }
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    array
}
