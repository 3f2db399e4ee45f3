//! The description of a domain as data: [`Registry::describe`].

use std::convert::Infallible;
use std::time::Duration;

use banking_domain::TransactionManagerDomain;
use expect_test::expect_file;
use fluvius_core::registry::{ActionDescription, DomainDescription};
use fluvius_core::{Domain, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};
use serde_json::json;

async fn describe<D: Domain>() -> DomainDescription {
    D::runtime(MemoryStore::new()).await.unwrap().registry().describe()
}

/// After an intended change, run the suite with `UPDATE_EXPECT=1`.
#[tokio::test]
async fn description_of_the_bank_does_not_change_unseen() {
    let description = describe::<TransactionManagerDomain>().await;
    assert_eq!(description.missing_schemas, []);
    let text = serde_json::to_string_pretty(&description).unwrap();
    expect_file!["./bank_description.json"].assert_eq(&(text + "\n"));
}

/// A shelf. This type has no schema, and no documentation of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shelf {
    label: String,
}

/// Shelves of the warehouse.
#[aggregate(resources = ["shelf", "rack"], revision = 2, upcast = none, index(label: text))]
impl Shelf {
    /// Put up a shelf.
    #[action(evt_key = "shelf-put-up", mcp = false)]
    fn put_up_shelf(label: String) -> Result<Self, Infallible> {
        Ok(Self { label })
    }

    /// Label a shelf.
    #[deprecated(since = "1.2.0", note = "use `name_shelf`")]
    #[action(
        evt_key = "shelf-labelled", resources = ["rack"], if_match = "required",
        timeout = "1500ms", body_limit = 300, sunset = "2027-06-30"
    )]
    fn label_shelf(
        &mut self,
        /// Text of the label.
        #[arg(alias = "text", alias = "name", default = "none", example = "screws")]
        label: String,
    ) -> Result<(), Infallible> {
        self.label = label;
        Ok(())
    }

    #[deprecated = "never used"]
    #[action(evt_key = "shelf-counted", internal)]
    fn count_shelf(&self, #[arg(secret, default = 7)] pin: u32) -> Result<usize, Infallible> {
        let _ = pin;
        Ok(1)
    }

    #[deprecated]
    #[action]
    fn read_label(&self, limit: Option<u8>) -> Result<String, Infallible> {
        let _ = limit;
        Ok(self.label.clone())
    }

    #[action(evt_key = "shelf-taken-down")]
    fn take_down_shelf(self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Domain for shelves.
#[derive(Domain)]
#[domain(aggregates(Shelf), tags("storage"), revision = 3)]
struct ShelvesDomain;

fn find<'a>(description: &'a DomainDescription, key: &str) -> &'a ActionDescription {
    let actions = description.aggregates.iter().flat_map(|aggregate| &aggregate.actions);
    actions.into_iter().find(|action| action.key == key).unwrap()
}

#[tokio::test]
async fn description_has_the_options_of_the_author() {
    let description = describe::<ShelvesDomain>().await;
    assert_eq!((description.namespace, description.revision), ("shelves", 3));
    assert_eq!((description.title, description.tags), ("Shelves Domain", &["storage"][..]));
    assert_eq!(description.description, "Domain for shelves.");

    let [aggregate] = &description.aggregates[..] else { panic!("one aggregate type") };
    assert_eq!((aggregate.resources, aggregate.revision), (&["shelf", "rack"][..], 2));
    assert_eq!(aggregate.docs, "Shelves of the warehouse.");
    assert_eq!(
        serde_json::to_value(aggregate.indexes).unwrap(),
        json!([
            { "path": "label", "kind": "text" }
        ])
    );
    let lifecycles = aggregate.actions.iter().map(|action| {
        let lifecycle = serde_json::to_value(action.lifecycle).unwrap();
        format!("{} {}", action.key, lifecycle.as_str().unwrap())
    });
    let expected = [
        "put-up-shelf create",
        "label-shelf update",
        "count-shelf unchanged",
        "read-label unchanged",
        "take-down-shelf close",
    ];
    assert_eq!(lifecycles.collect::<Vec<_>>(), expected);

    let label = find(&description, "label-shelf");
    assert_eq!((label.resources, label.internal), (&["rack"][..], false));
    assert!(label.if_match_required && label.mcp);
    assert_eq!(label.timeout, Some(Duration::from_millis(1_500)));
    assert_eq!((label.body_limit, label.sunset), (Some(300), Some("2027-06-30")));
    assert!(!find(&description, "put-up-shelf").mcp);
    assert!(find(&description, "count-shelf").internal);
    assert!(find(&description, "read-label").event.is_none());
    let json = serde_json::to_value(label).unwrap();
    assert_eq!(
        (&json["timeout"], &json["codes"], &json["open"]),
        (&json!(1.5), &json!([]), &json!(false))
    );

    let [field] = &label.fields[..] else { panic!("one field") };
    assert_eq!(
        (field.name, field.type_name, field.docs),
        ("label", "String", "Text of the label.")
    );
    assert_eq!(field.aliases, ["text", "name"]);
    assert!(field.optional && !field.secret);
    assert_eq!((&field.default, &field.example), (&Some(json!("none")), &Some(json!("screws"))));
    // A default of a secret would be known to every reader of the description.
    let pin = &find(&description, "count-shelf").fields[0];
    assert!(pin.secret && pin.optional && pin.default.is_none());
}

#[tokio::test]
async fn description_has_the_arguments_of_deprecated() {
    let description = describe::<ShelvesDomain>().await;
    let deprecated = |key| serde_json::to_value(find(&description, key).deprecated).unwrap();
    let expected = json!({ "since": "1.2.0", "note": "use `name_shelf`" });
    assert_eq!(deprecated("label-shelf"), expected);
    assert_eq!(deprecated("count-shelf"), json!({ "since": null, "note": "never used" }));
    assert_eq!(deprecated("read-label"), json!({ "since": null, "note": null }));
    assert_eq!(deprecated("put-up-shelf"), json!(null));
}

#[tokio::test]
async fn types_without_a_schema_are_listed() {
    let description = describe::<ShelvesDomain>().await;
    let missing = serde_json::to_value(&description.missing_schemas).unwrap();
    let shelf =
        json!({ "type_name": "Shelf", "resource": "shelf", "command": null, "field": null });
    assert_eq!(missing, json!([shelf]));
    assert_eq!(description.aggregates[0].state, Some(json!({ "title": "Shelf" })));
}
