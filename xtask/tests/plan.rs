//! The plan of crates, compared with what the crates import.

use xtask::{imports, plan, texts};

#[test]
fn no_crate_imports_past_the_plan() {
    let plan = plan();
    let mut faults = Vec::new();
    for (name, imported) in imports().unwrap() {
        let allowed = texts(plan.get("may_import").and_then(|table| table.get(&name)));
        if plan.get("may_import").and_then(|table| table.get(&name)).is_none() {
            faults.push(format!("crates/{name} is not in xtask/plan.toml"));
        }
        for import in imported.iter().filter(|import| !allowed.contains(import)) {
            let list = allowed.join(", ");
            faults.push(format!(
                "crates/{name} imports crates/{import}; the plan lets {name} import: {list}"
            ));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_plan_itself_has_no_circle() {
    let plan = plan();
    let table = plan.get("may_import").and_then(toml::Value::as_table).unwrap();
    let mut placed: Vec<&str> = Vec::new();
    while placed.len() < table.len() {
        let next = table.iter().find(|(name, imports)| {
            !placed.contains(&name.as_str())
                && texts(Some(imports)).iter().all(|import| placed.contains(&import.as_str()))
        });
        let (name, _) = next.expect("a circle among the crates that are left");
        placed.push(name);
    }
}
