//! Variables of the environment.

use std::ffi::OsString;

use crate::{Error, Exit};

/// The value of a variable; one that is empty is not set.
///
/// # Errors
/// When it is not UTF-8, with this code: to leave it out would be to do something else than was asked for.
pub fn variable(name: &str, exit: Exit) -> Result<Option<String>, Error> {
    read(name, std::env::var_os(name), exit)
}

fn read(name: &str, value: Option<OsString>, exit: Exit) -> Result<Option<String>, Error> {
    match value.map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
        // Not the value, which may hold a password.
        Some(Err(_)) => Err(Error::new(
            exit,
            format!(
                "the variable `{name}` of the environment is not UTF-8\n\nhint: set it again, or unset it"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_none() {
        let read = |value: Option<&str>| read("X", value.map(Into::into), Exit::Database).unwrap();
        assert_eq!([read(None), read(Some("")), read(Some("a"))], [None, None, Some("a".to_owned())]);
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_cannot_be_read_is_named_without_its_value() {
        use std::os::unix::ffi::OsStringExt;

        let value = OsString::from_vec(b"s3cr3t\xff".into());
        let error = read("X", Some(value), Exit::Database).unwrap_err();
        assert_eq!(error.exit(), Exit::Database);
        assert!(error.to_string().starts_with("the variable `X` of the environment is not UTF-8"), "{error}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}
