//! The list of linked items.

// ANCHOR: linked
use fluvius::registry::linked;

#[test]
fn the_list_has_the_actions_of_this_program() {
    let actions = linked::actions();
    for action in &actions {
        println!("{} {} at {}", action.resources[0], action.key, action.location);
    }
    assert!(actions.iter().any(|action| action.key == "accept-parcel"));
}
// ANCHOR_END: linked
