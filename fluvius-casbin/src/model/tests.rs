use super::*;
use crate::DEFAULT_MODEL;

fn named(text: &str) -> NamedText {
    NamedText { path: "a/model.conf".to_owned(), name: String::new(), text: text.to_owned() }
}

/// Parses a model, and returns its faults, one a line.
fn faults(text: &str) -> String {
    match Model::parse(&named(text)).unwrap_err() {
        CasbinError::Invalid { faults } => {
            let faults = faults.iter().map(ToString::to_string);
            faults.collect::<Vec<_>>().join("\n")
        }
        other => panic!("{other}"),
    }
}

/// Returns a model with a matcher.
fn model(matcher: &str) -> String {
    format!(
        "[request_definition]\nr = usr, org, rid, act\n[policy_definition]\np = role, org, act\n\
         [role_definition]\ng = _, _\ng2 = _, _, _\n[policy_effect]\n\
         e = some(where (p.eft == allow))\n[matchers]\nm = {matcher}\n"
    )
}

#[test]
fn default_model_has_the_fields_of_the_original() {
    let model = Model::parse(&named(DEFAULT_MODEL)).unwrap();
    let names: Vec<&str> = model.fields.iter().map(|field| field.name()).collect();
    assert_eq!(names[..6], ["usr", "pro", "org", "rid", "cqrs", "act"]);
    let places: Vec<(&str, usize)> =
        model.roles.iter().map(|role| (role.name.as_str(), role.places)).collect();
    assert_eq!(places, [("g", 3), ("g2", 2), ("g3", 3)]);
}

#[test]
fn lines_continue_and_comments_are_left_out() {
    let text = model("r.act == p.act && \\ # first\r\n  r.org == p.org # second");
    let model = Model::parse(&named(&format!("\u{FEFF}; note\n# note\n\n{text}"))).unwrap();
    assert_eq!(model.matcher, "r.act == p.act && r.org == p.org");
    assert_eq!(model.matcher_line, 14);
}

#[test]
fn faults_name_the_file_and_the_line() {
    let text = "[request_definition]\nr = usr, obj, usr\n[policies]\nx = y\nnothing\n\
                [policy_definition]\np = role, p.act, role\np2 = act\np = act\n\
                [role_definition]\ng = _\ng1 = _, _\n[policy_effect]\ne = allow\n";
    let expected = [
        "a/model.conf:3: the section `[policies]` is unknown: write `[request_definition]`, \
         `[policy_definition]`, `[role_definition]`, `[policy_effect]`, `[matchers]`",
        "a/model.conf:4: `x` is in no known section: add one before it",
        "a/model.conf:5: this is no definition: write `key = value`, or `#` before a comment",
        "a/model.conf:8: the key `p2` has no use here: write p",
        "a/model.conf:9: `p` is defined twice: delete one",
        "a/model.conf:12: the key `g1` has no use here: write `g`, `g2`, `g3` ..",
        "a/model.conf: `[matchers]` lacks `m`: add `m = p.role in r.roles && p.act == r.act`",
        "a/model.conf:2: a request has no field `obj`: the fields are usr, pro, org, realm, roles, \
         dom, res, rid, cqrs, act",
        "a/model.conf:2: `usr` is there twice: delete one",
        "a/model.conf:7: `p.act` is no name of a field: write letters, such as `role`",
        "a/model.conf:7: `role` is there twice: delete one",
        "a/model.conf:11: a role definition is `g = _, _` or `g = _, _, _`",
        "a/model.conf:14: the effect is unknown: write one of `some(where (p.eft == allow))`, \
         `!some(where (p.eft == deny))`, `some(where (p.eft == allow)) && !some(where (p.eft == \
         deny))`, `priority(p.eft) || deny`",
    ];
    assert_eq!(faults(text).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn empty_model_lacks_each_required_definition() {
    let found = faults("");
    assert_eq!(found.lines().count(), 4, "{found}");
    assert!(found.lines().all(|line| line.starts_with("a/model.conf: `[")), "{found}");
}

#[test]
fn matcher_uses_only_what_the_model_defines() {
    for (matcher, fault) in [
        ("r.realm == p.act", "the matcher uses `r.realm`: add `realm` to `r`"),
        ("r.name == p.act", "the matcher uses `r.name`: add `name` to `r`"),
        ("r.act == p.obj", "the matcher uses `p.obj`: add `obj` to `p`"),
        ("r.act.len == 3", "the matcher uses `r.act.len`: add `act.len` to `r`"),
        ("g3(r.usr, p.role)", "the matcher calls `g3`: add `g3 = _, _` to the roles"),
        ("g(r.usr)", "the matcher calls `g`: it takes 2 names of fields, such as `r.usr`"),
        ("g(r.usr, \"a\")", "the matcher calls `g`: it takes 2 names of fields, such as `r.usr`"),
        (
            "g2(r.usr, f(p.role), r.org)",
            "the matcher calls `g2`: it takes 3 names of fields, such as `r.usr`",
        ),
        (
            "eval(p.act)",
            "the matcher calls `eval`, so rules would be code: write the condition in the matcher",
        ),
    ] {
        assert_eq!(faults(&model(matcher)), format!("a/model.conf:11: {fault}"), "{matcher}");
    }
    for matcher in
        ["r.act == \"r.x, g9() \\\" p.y\"", "big(r.act) || p.role == 'g'", "g (r.usr,p.role)"]
    {
        Model::parse(&named(&model(matcher))).unwrap();
    }
    // Their parts would be evaluated, or hide the rest.
    for matcher in
        ["p.role == `${r.usr}`", "r.act == p.act /* \" */ && \"x\" == p.role", "r.act == \"a"]
    {
        let found = faults(&model(matcher));
        assert!(found.contains("a backtick, a comment or a text without its end"), "{found}");
    }
}

#[test]
fn role_calls_are_in_domains_of_their_own() {
    for (matcher, text) in [
        ("g(r.usr, p.role) && x", "g(r.usr, p.role, \"g\") && x"),
        ("!g2( r.usr,p.role , r.org )", "!g2( r.usr,p.role , \"g2/\" + r.org )"),
        (
            "g(r.usr, p.role) || g2(r.a, p.b, r.c)",
            "g(r.usr, p.role, \"g\") || g2(r.a, p.b, \"g2/\" + r.c)",
        ),
        (
            "\"g(r.usr, p.role)\" == log(r.usr, p.role)",
            "\"g(r.usr, p.role)\" == log(r.usr, p.role)",
        ),
    ] {
        assert_eq!(matcher::with_separate_roles(matcher), text);
    }
}

#[test]
fn fields_without_effect_are_not_relevant() {
    let names = |matcher: &str, with_rules: &str| {
        let model = Model::parse(&named(&model(matcher))).unwrap();
        let fields = model.relevant_fields(|role| with_rules.contains(role));
        fields.into_iter().map(Field::name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("r.act == p.act", ""), "act");
    assert_eq!(names("\"r.org\" == p.act", ""), "");
    let by_aggregate = "r.act == p.act && g2(r.usr, p.role, r.rid)";
    assert_eq!(names(by_aggregate, "g2"), "usr rid act");
    assert_eq!(names(by_aggregate, ""), "usr act");
    assert_eq!(names("g2(r.usr, p.role, r.rid) || r.rid == p.org", ""), "usr rid");
}
