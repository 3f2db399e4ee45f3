//! Models, rules and files that do not make a policy.

use fluvius_casbin::{CasbinError, CasbinPolicy, DEFAULT_MODEL};

use crate::bank::{BankDomain, rules};

/// Returns the text of the error of a model.
async fn error(model: &str, text: &str) -> String {
    rules(text).model(model).build().await.unwrap_err().to_string()
}

#[tokio::test]
async fn missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.csv");
    let file = CasbinPolicy::from_file::<BankDomain>(&path).build().await.unwrap_err();
    let model = rules("").model_file(&path).build().await.unwrap_err();
    for error in [file, model] {
        let text = format!("cannot read {}: check its path and its permissions", path.display());
        assert_eq!(error.to_string(), text);
        let CasbinError::Unreadable { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn each_bad_line_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.csv");
    std::fs::write(&path, "p, teller, *, *, *, *\np, teller\nx, y\n").unwrap();
    let error = CasbinPolicy::from_file::<BankDomain>(&path).build().await.unwrap_err();
    let CasbinError::Invalid { faults } = &error else { panic!("{error:?}") };
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [Some(2), Some(3)]);
    assert!(faults.iter().all(|fault| fault.file == path.display().to_string()));
    let text = error.to_string();
    assert!(text.starts_with("the policy is not valid: "), "{text}");
    assert!(text.ends_with("bank.csv:3: the key `x` is unknown: write p, g, g2, g3"), "{text}");
}

#[tokio::test]
async fn file_that_is_no_text_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.csv");
    std::fs::write(&path, [0xFF, 0xFE, 0x00]).unwrap();
    let error = CasbinPolicy::from_file::<BankDomain>(&path).build().await.unwrap_err();
    assert!(matches!(error, CasbinError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn unknown_effect_is_a_fault_and_no_panic() {
    let model = DEFAULT_MODEL.replace("some(where (p.eft == allow))", "all(p.eft)");
    let text = error(&model, "").await;
    assert!(text.contains("model:16: the effect is unknown: write one of `some(where"), "{text}");
}

#[tokio::test]
async fn matcher_that_does_not_compile_is_a_fault() {
    let model = DEFAULT_MODEL.replace("r.act == p.act)", "r.act == )");
    let text = error(&model, "").await;
    assert!(text.contains("model:19: the matcher cannot be evaluated: "), "{text}");
}

#[tokio::test]
async fn matcher_that_cannot_be_evaluated_is_a_fault() {
    for condition in ["nothing(r.act)", "r.act + 1", "unknown == r.act"] {
        let model = DEFAULT_MODEL.replace("m = (", &format!("m = ({condition} || "));
        let text = error(&model, "").await;
        assert!(text.contains("model:19: the matcher cannot be evaluated: "), "{text}");
    }
}
