//! Secrets stand in the file only as references, so that the file can be shown, copied and kept in a repository.

use std::{fs, path::Path};

use super::Secret;

/// What a reference may look like.
pub(super) const RIGHT: &str =
    "env:NAME (a variable of the environment) or file:PATH (relative to this file)";

/// Where references lead.
pub(super) struct Secrets<'a> {
    /// The folder of the configuration file.
    pub folder: &'a Path,
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// `literal:…` is taken: for demonstrations and tests.
    pub allow_literal: bool,
}

impl Secrets<'_> {
    /// The secret that `reference` leads to.
    ///
    /// # Errors
    /// Says what is wrong with the reference, and never repeats a secret, nor what may be one.
    pub fn resolve(&self, reference: &str) -> Result<Secret, String> {
        let secret = match reference.split_once(':') {
            Some(("env", name)) => (self.env)(name)
                .ok_or_else(|| format!("the environment has no variable {name:?} (or it is not UTF-8)"))?,
            Some(("file", path)) => self.read(path)?,
            Some(("literal", secret)) if self.allow_literal => secret.to_owned(),
            Some(("literal", _)) => {
                return Err(format!(
                    "a secret does not stand in this file: write {RIGHT}, or for a demonstration set \
                     allow_literal_secrets = true at the top"
                ));
            }
            _ => return Err(format!("this is no reference to a secret: write {RIGHT}")),
        };
        if secret.is_empty() {
            return Err("the secret is empty where the reference leads".to_owned());
        }
        Ok(Secret::new(secret))
    }

    fn read(&self, path: &str) -> Result<String, String> {
        let path = self.folder.join(path);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("the secret can't be read from {}: {error}", path.display()))?;
        // Editors end a file with a newline; it is not part of the secret.
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(reference: &str, folder: &Path, allow_literal: bool) -> Result<String, String> {
        let env = |name: &str| match name {
            "SET" => Some("s3cret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let secrets = Secrets { folder, env: &env, allow_literal };
        secrets.resolve(reference).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn follows_references_to_the_environment_and_to_files_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("unix", "s3cret\n"), ("dos", "s3cret\r\n"), ("bare", "s3cret"), ("two", "s3cret\n\n")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        for reference in ["env:SET", "file:unix", "file:dos", "file:bare"] {
            assert_eq!(resolve(reference, folder.path(), false).as_deref(), Ok("s3cret"), "{reference}");
        }
        assert_eq!(resolve("file:two", folder.path(), false).as_deref(), Ok("s3cret\n"));
        let absolute = format!("file:{}", folder.path().join("bare").display());
        assert_eq!(resolve(&absolute, Path::new("/nowhere"), false).as_deref(), Ok("s3cret"));
    }

    #[test]
    fn refuses_what_leads_nowhere_or_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("empty"), "\n").unwrap();
        fs::write(folder.path().join("latin1"), [0xe9]).unwrap();
        for reference in [
            "env:UNSET",
            "env:EMPTY",
            "env:",
            "file:absent",
            "file:empty",
            "file:latin1",
            "file:",
            "plain",
            "",
        ] {
            assert!(resolve(reference, folder.path(), true).is_err(), "{reference}");
        }
    }

    #[test]
    fn takes_a_literal_only_where_it_is_allowed_and_never_repeats_what_it_refuses() {
        let here = Path::new("");
        assert_eq!(resolve("literal:a:b", here, true).as_deref(), Ok("a:b"));
        for refused in ["literal:hunter2", "hunter2", "password:hunter2"] {
            let error = resolve(refused, here, false).unwrap_err();
            assert!(!error.contains("hunter2") && error.contains("env:NAME"), "{error}");
        }
    }
}
