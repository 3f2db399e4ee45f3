use super::*;

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn summary_is_self_contained() {
    let table = [
        ("Deposits `a | b`\nmoney.\n\nMore.", "Deposits `a | b` money."),
        (
            "As [the rules][rules] say.\n\n[rules]: https://example.org/rules",
            "As [the rules](https://example.org/rules) say.",
        ),
        ("By [the helper].\n\n[the helper]: Account::helper", "By [the helper](Account::helper)."),
        ("By [`x`][].\n\n[`x`]: Account::x", "By [`x`](Account::x)."),
        ("See [`Option`], [a](b) and [c][Option].", "See [`Option`], [a](b) and [c][Option]."),
        ("Uses [^1] and `[^2]`.\n\n[^1]: a footnote.", "Uses  and `[^2]`."),
        ("<b>Bold\n\nstill bold</b>", "Bold"),
        (
            "At <https://example.org>, a < b, `<b>`, <br/>.",
            "At <https://example.org>, a < b, `<b>`, .",
        ),
        ("[x]: y\n\nNot \\[x\\] but [x].", "Not \\[x\\] but [x](y)."),
        ("An open ` and [bracket", "An open ` and [bracket"),
        ("größe `ä` [ü]", "größe `ä` [ü]"),
        ("", ""),
    ];
    for (text, expected) in table {
        assert_eq!(summary(&lines(text)), expected);
    }
}

#[test]
fn links_to_self_are_found() {
    for link in [
        "[`Self::balance`]",
        "[Self]",
        "[the balance](Self::balance)",
        "[the balance][Self::balance]",
        "[the balance](fn@Self::balance)",
        "[x]: Self::balance",
    ] {
        assert_eq!(self_link(&lines(link)).as_deref(), Some(link));
    }
    for text in [
        "`Self` without a link",
        "a `&[Self]` and (Self) in the guide",
        "[a `Vec<[Self]>`](https://example.org)",
        "\\[Self\\]",
        "[`Self`](Account)",
        "[Self]\n\n[Self]: Account",
        "[Selfish]",
    ] {
        assert_eq!(self_link(&lines(text)), None, "{text}");
    }
}

#[test]
fn code_ends_where_its_fence_ends() {
    let table = [
        ("a\n```\ncode\n```\nb", "a b"),
        ("a\n````text\n```rust\nlet x = [Self];\n```\n````\nb", "a b"),
        ("a\n~~~\n```\n~~~\nb", "a b"),
        ("a\n> ```\n> assert!(true);\n> ```\n> b", "a > b"),
        ("a\n> ```\n> assert!(true);\nb", "a b"),
        ("- a\n- ```rust\n  code\n  ```\nb", "- a b"),
        ("``` `a` ``` b", "``` `a` ``` b"),
        ("a\n```\ncode\n```text\n```\nb", "a b"),
    ];
    for (text, expected) in table {
        assert_eq!(without_code(&lines(text)).join(" "), expected);
    }
}
