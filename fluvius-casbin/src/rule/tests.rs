use super::*;

fn named(text: &str) -> NamedText {
    NamedText { path: "rules.csv".to_owned(), name: String::new(), text: text.to_owned() }
}

fn parsed(text: &str) -> Result<Vec<Rule>, CasbinError> {
    let model = "[request_definition]\nr = usr, org, act\n[policy_definition]\n\
                 p = role, act, eft\n[role_definition]\ng = _, _\ng2 = _, _, _\n[policy_effect]\n\
                 e = priority(p.eft) || deny\n[matchers]\nm = r.act == p.act\n";
    parse(&named(text), &Model::parse(&named(model)).unwrap())
}

#[test]
fn rule_is_a_line_of_values() {
    let text = "\u{FEFF}p, teller , bank:deposit-money, allow\r\n\n# p, a, b, allow\n\
                \tg,ada,teller\ng2, ada, \"teller, \"\"north\"\"\", \"\" ";
    let rule = |line, values: [&str; 4], count| {
        let mut values = values.iter().take(count).map(ToString::to_string);
        Rule { line, key: values.next().unwrap(), values: values.collect() }
    };
    let expected = [
        rule(1, ["p", "teller", "bank:deposit-money", "allow"], 4),
        rule(4, ["g", "ada", "teller", ""], 3),
        rule(5, ["g2", "ada", "teller, \"north\"", ""], 4),
    ];
    assert_eq!(parsed(text).unwrap(), expected);
}

#[test]
fn all_bad_lines_are_faults() {
    let text = "p, teller, act\nP, a, b, allow\np, a, b, allow, c\ng, ada\ng2, a, b\n\
                p, a, , allow\np, \"a, b, allow\np, \"a\"b, c, allow\n\
                p, a, b, Allow\n,\np, a, b, allow,";
    let expected = [
        "rules.csv:1: `p` has 2 values instead of 3: write p, role, act, eft",
        "rules.csv:2: the key `P` is unknown: write p, g, g2",
        "rules.csv:3: `p` has 4 values instead of 3: write p, role, act, eft",
        "rules.csv:4: `g` has 1 values instead of 2: write g, name, role",
        "rules.csv:5: `g2` has 2 values instead of 3: write g2, name, role, domain",
        "rules.csv:6: value 3 is missing: write \"\" for an empty one",
        "rules.csv:7: a value has no closing quote: add it on the same line",
        "rules.csv:8: value 2 goes on after its quotes: quote it as a whole",
        "rules.csv:9: the effect `Allow` is unknown: write allow or deny",
        "rules.csv:10: value 1 is missing: write \"\" for an empty one",
        "rules.csv:11: value 5 is missing: write \"\" for an empty one",
    ];
    let CasbinError::Invalid { faults } = parsed(text).unwrap_err() else { panic!() };
    let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}
