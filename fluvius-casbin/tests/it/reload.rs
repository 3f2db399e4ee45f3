//! New rules while requests are decided.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fluvius_casbin::{CasbinError, CasbinPolicy};

use crate::bank::{BankDomain, DepositMoney, OpenAccount, bank, id, north, policy, reads};

fn read(role: &str) -> String {
    format!("p, {role}, *, account, QUERY, bank:state\n")
}

#[tokio::test]
async fn reload_reads_the_file_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.csv");
    std::fs::write(&path, read("teller")).unwrap();
    let policy = CasbinPolicy::from_file::<BankDomain>(&path).build().await.unwrap();
    let (teller, auditor) = (north("teller"), north("auditor"));
    let reason = "line 1 of bank.csv: p, teller, *, account, QUERY, bank:state";
    assert_eq!(reads(&policy, &teller, 1).await, (true, reason.to_owned()));
    assert!(!reads(&policy, &auditor, 1).await.0);

    std::fs::write(&path, format!("\n{}", read("auditor"))).unwrap();
    assert!(reads(&policy, &teller, 1).await.0, "the file is not watched");
    policy.reload().await.unwrap();
    // Both verdicts were in the cache.
    assert_eq!(
        reads(&policy, &teller, 1).await,
        (false, "no rule of bank.csv allows it".to_owned())
    );
    let reason = "line 2 of bank.csv: p, auditor, *, account, QUERY, bank:state";
    assert_eq!(reads(&policy, &auditor, 1).await, (true, reason.to_owned()));
}

#[tokio::test]
async fn bad_rules_keep_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, model) = (folder.path().join("bank.csv"), folder.path().join("model.conf"));
    std::fs::write(&rules, read("teller")).unwrap();
    std::fs::write(&model, fluvius_casbin::DEFAULT_MODEL).unwrap();
    let policy = CasbinPolicy::from_file::<BankDomain>(&rules).model_file(&model);
    let policy = policy.build().await.unwrap();
    let teller = north("teller");

    std::fs::write(&rules, format!("{}p, auditor\n", read("auditor"))).unwrap();
    let error = policy.reload().await.unwrap_err();
    let at = format!("{}:2: `p` has 1 values instead of 5", rules.display());
    assert!(error.to_string().contains(&at), "{error}");
    assert!(reads(&policy, &teller, 1).await.0);

    std::fs::write(&rules, read("auditor")).unwrap();
    std::fs::write(&model, "[matchers]\n").unwrap();
    assert!(matches!(policy.reload().await, Err(CasbinError::Invalid { .. })));
    std::fs::remove_file(&model).unwrap();
    assert!(matches!(policy.reload().await, Err(CasbinError::Unreadable { .. })));
    assert!(reads(&policy, &teller, 1).await.0);

    std::fs::write(&model, fluvius_casbin::DEFAULT_MODEL).unwrap();
    policy.reload().await.unwrap();
    assert!(!reads(&policy, &teller, 1).await.0);
}

#[tokio::test]
async fn text_replaces_the_rules_and_their_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.csv");
    std::fs::write(&path, read("teller")).unwrap();
    let policy = CasbinPolicy::from_file::<BankDomain>(&path).build().await.unwrap();
    policy.replace_rules("p, teller\n").await.unwrap_err();
    policy.reload().await.unwrap();
    assert!(reads(&policy, &north("teller"), 1).await.0, "the bad text has not become the source");
    policy.replace_rules(read("auditor")).await.unwrap();
    policy.reload().await.unwrap();
    assert!(!reads(&policy, &north("teller"), 1).await.0);
    assert!(reads(&policy, &north("auditor"), 1).await.0);
}

#[tokio::test]
async fn clone_in_a_domain_gets_the_new_rules() {
    let rules = |key: &str| format!("p, teller, north, account, COMMAND, bank:{key}");
    let policy = policy(&rules("open-account")).await;
    let domain = bank(policy.clone()).await;
    let teller = domain.session(north("teller"));
    teller.send(id(1), OpenAccount {}).await.unwrap();
    teller.send(id(1), DepositMoney { amount: 1 }).await.unwrap_err();
    policy.replace_rules(rules("deposit-money")).await.unwrap();
    teller.send(id(1), DepositMoney { amount: 1 }).await.unwrap();
    teller.send(id(2), OpenAccount {}).await.unwrap_err();
}

/// Each set allows a teller by a rule and a role that only the same set has. A request that saw
/// parts of two sets would be denied.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn request_sees_one_set_of_rules() {
    let set = |name: &str| format!("{}g2, teller, {name}\n", read(name));
    for cache_capacity in [0, 4] {
        let policy = crate::bank::rules(&set("first")).cache_capacity(cache_capacity);
        let policy = policy.build().await.unwrap();
        let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let readers: Vec<_> = (0..3)
            .map(|reader| {
                let (policy, is_over) = (policy.clone(), Arc::clone(&is_over));
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        let sender = north("teller").with_user(id(reader));
                        let (is_allowed, reason) = reads(&policy, &sender, 1).await;
                        assert!(is_allowed, "{reason}");
                        count.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for number in 0..60 {
            let name = if number % 2 == 0 { "second" } else { "first" };
            policy.replace_rules(set(name)).await.unwrap();
            // A verdict that follows the answer is that of the new set.
            let (_, reason) = reads(&policy, &north("teller"), 1).await;
            assert!(reason.contains(name), "{reason}");
            let seen = count.load(Ordering::Relaxed);
            while count.load(Ordering::Relaxed) == seen {
                tokio::task::yield_now().await;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

/// The file is a pipe, so that the reload waits for its text.
#[cfg(unix)]
#[tokio::test]
async fn rules_of_a_later_call_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.csv");
    std::fs::write(&path, read("first")).unwrap();
    let policy = CasbinPolicy::from_file::<BankDomain>(&path).build().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());

    let earlier = {
        let policy = policy.clone();
        tokio::spawn(async move { policy.reload().await })
    };
    // The pipe opens once the reload reads it.
    let open = tokio::task::spawn_blocking(move || {
        std::fs::File::options().write(true).open(path).unwrap()
    });
    let mut pipe = open.await.unwrap();
    let later = {
        let policy = policy.clone();
        tokio::spawn(async move { policy.replace_rules(read("third")).await })
    };
    tokio::task::yield_now().await;
    assert!(reads(&policy, &north("first"), 1).await.0, "requests do not wait for a reload");
    std::io::Write::write_all(&mut pipe, read("second").as_bytes()).unwrap();
    drop(pipe);
    earlier.await.unwrap().unwrap();
    later.await.unwrap().unwrap();
    assert!(reads(&policy, &north("third"), 1).await.0);
}
