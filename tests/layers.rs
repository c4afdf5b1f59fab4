//! A module uses only the modules that the architecture lets it use.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What every module may use.
const EVERYWHERE: [&str; 4] = ["domain", "config", "telemetry", "clock"];

/// What each module may use beside that. `main` stands on the library's other side and may use all of it.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "app",
        &["admin", "calls", "dispatch", "events", "grpc", "instance", "routing", "sms", "store", "trunk"],
    ),
    ("grpc", &["calls", "dispatch", "events", "instance", "routing", "sms", "store", "trunk"]),
    ("instance", &["calls", "dispatch", "routing", "store", "trunk"]),
    ("sms", &["dispatch", "events", "routing", "store", "trunk"]),
    ("calls", &["dispatch", "events", "routing", "store", "trunk"]),
    ("dispatch", &["events", "routing", "store", "trunk"]),
    ("events", &["store"]),
    ("demo", &["app", "grpc", "events", "store", "trunk"]),
    ("admin", &[]),
    ("routing", &[]),
    ("trunk", &[]),
    ("store", &[]),
    ("config", &[]),
    ("telemetry", &[]),
    ("clock", &[]),
    ("domain", &[]),
];

#[test]
fn modules_use_only_what_lies_below_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in files(&src) {
        let path = file.strip_prefix(&src).expect("a file in src");
        let text = fs::read_to_string(&file).expect("a source file");
        let module = path.components().next().expect("a module").as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if ["main", "lib", "bin"].contains(&module) {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{module} has no place in the layers: give it one"));
        for used in used(&text) {
            let fits = used == module
                || allowed.contains(&used.as_str())
                || (module != "domain" && EVERYWHERE.contains(&used.as_str()));
            if !fits {
                wrong.push(format!("{}: {module} uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_demo_names_the_simulator_and_only_trunks_and_adapters_name_pdus() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&src) {
        let path = file.strip_prefix(&src).expect("a file in src").display().to_string();
        let text = fs::read_to_string(&file).expect("a source file");
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        if !path.starts_with("demo") {
            assert!(!code.contains("simulator::"), "{path} names the simulator");
        }
        if !path.starts_with("config") && path != "main.rs" {
            assert!(!code.contains("profiles::"), "{path} names the profiles");
        }
        if !path.starts_with("trunk") {
            let named = ["codecs::smpp", "codecs::cmpp", "codecs::session"];
            assert!(!named.iter().any(|name| code.contains(name)), "{path} names a protocol");
        }
    }
}

#[test]
fn the_conformance_suite_links_the_daemon_only_to_fill_a_store() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/src");
    for file in files(&src) {
        let text = fs::read_to_string(&file).expect("a source file");
        let links = text.contains("carrierd::") || text.contains("use carrierd");
        assert_eq!(links, file.ends_with("scale/fill.rs"), "{}", file.display());
    }
}

#[test]
fn reads_every_form_of_use() {
    let text = "use crate::store::Store;\nuse crate::{\n    clock,\n    domain::{Message, id},\n    trunk::sms::{self, x},\n};\n\
                pub use crate::app::run;\n// crate::grpc is only spoken of\nfn f() { crate::events::feed() }\n";
    let expected = ["app", "clock", "domain", "events", "store", "trunk"];
    assert_eq!(used(text), expected.map(str::to_owned).into());
}

/// The modules of the crate that a source text names.
fn used(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut used = BTreeSet::new();
    for (_, rest) in code.match_indices("crate::").map(|(at, found)| (at, &code[at + found.len()..])) {
        match rest.strip_prefix('{') {
            Some(list) => used.extend(list_of(list)),
            None => used.extend(word(rest)),
        }
    }
    used
}

/// The first words of a list's items, as far as its closing brace.
fn list_of(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut words = Vec::new();
    let mut is_start = true;
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && depth == 0 && !character.is_whitespace() => {
                words.extend(word(&list[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> Option<String> {
    let end =
        text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len());
    // Types and macros at the crate's root are no modules.
    Some(text[..end].to_owned()).filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
