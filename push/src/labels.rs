//! The service that a profile is of, and its labels.
//!
//! The rules are the narrowest of the receivers': names of labels as in Prometheus' data model
//! (<https://prometheus.io/docs/concepts/data_model/>), which Parca and Pyroscope's Push take; the name of the
//! service in the letters that `/ingest` takes; values without the comma and the brace that end one in
//! its `name=service{a=b,c=d}`.
//!
//! Invariant: labels can be written in every format as they are.

use std::collections::BTreeMap;
use std::fmt;

/// Bytes of the longest name and of the longest value; Pyroscope's limits, where nobody has changed them.
const LONGEST_NAME: usize = 1024;
const LONGEST_VALUE: usize = 2048;
/// The label that the service is sent as.
const SERVICE: &str = "service_name";

/// A service, and labels in the order of their names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labels {
    service: String,
    labels: BTreeMap<String, String>,
}

impl Labels {
    /// A service without labels.
    ///
    /// # Errors
    ///
    /// What is wrong with its name, as the end of a sentence.
    pub fn new(service: &str) -> Result<Self, String> {
        if service.is_empty() || service.len() > LONGEST_NAME {
            return Err("a name of 1 to 1024 letters is needed".to_owned());
        }
        if !service.chars().all(is_of_service) {
            return Err(
                "a name of ASCII letters, digits, `_`, `-`, `.` and `/` is needed".to_owned(),
            );
        }
        Ok(Self {
            service: service.to_owned(),
            labels: BTreeMap::new(),
        })
    }

    /// A service whose name is made of any text: what it may not have becomes `_`.
    pub fn of_anything(text: &str) -> Self {
        let allowed = |c| if is_of_service(c) { c } else { '_' };
        let service: String = text.chars().take(LONGEST_NAME).map(allowed).collect();
        let service = Some(service).filter(|service| !service.is_empty());
        Self {
            service: service.unwrap_or_else(|| "python".to_owned()),
            labels: BTreeMap::new(),
        }
    }

    /// Sets a label.
    ///
    /// # Errors
    ///
    /// What is wrong with the name or the value, as a sentence without its end.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let first = name.bytes().next();
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let is_name = first.is_some_and(is_letter)
            && name
                .bytes()
                .all(|byte| is_letter(byte) || byte.is_ascii_digit())
            && name.len() <= LONGEST_NAME;
        if !is_name {
            return Err(format!(
                "the name of a label is made of ASCII letters, digits and `_`, not {name:?}"
            ));
        }
        if name.starts_with("__") || name == SERVICE {
            return Err(format!("the label {name} is set by this program"));
        }
        if value.is_empty() || value.len() > LONGEST_VALUE || value.trim() != value {
            return Err(format!(
                "the label {name} needs a value of 1 to 2048 bytes without blanks around it"
            ));
        }
        if value.contains(|c: char| c.is_control() || matches!(c, ',' | '{' | '}')) {
            return Err(format!(
                "the label {name} has a comma, a brace or a control character in its value"
            ));
        }
        self.labels.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Sets a label to any text: what it may not have becomes `_`, and of none it becomes `unknown`.
    pub fn set_anything(&mut self, name: &str, value: &str) {
        let allowed = |c: char| match c {
            ',' | '{' | '}' => '_',
            c if c.is_control() || c.is_whitespace() => '_',
            c => c,
        };
        let value: String = value.chars().take(LONGEST_VALUE / 4).map(allowed).collect();
        if value.is_empty() || self.set(name, &value).is_err() {
            self.labels.insert(name.to_owned(), "unknown".to_owned());
        }
    }

    /// Sets labels from `name=value`.
    ///
    /// # Errors
    ///
    /// As [`Labels::set`].
    pub fn set_pair(&mut self, pair: &str) -> Result<(), String> {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("a label is name=value, not {pair:?}"))?;
        self.set(name, value)
    }

    /// Whether there is a label of that name.
    pub fn has(&self, name: &str) -> bool {
        self.labels.contains_key(name)
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// All labels as Pyroscope and Parca take them in a list: that of the kind of profile (`memory`, as in
    /// Go's heap profiles), that of the service, and the others.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = [("__name__", "memory"), (SERVICE, &*self.service)];
        let labels = self.labels.iter();
        first
            .into_iter()
            .chain(labels.map(|(name, value)| (&**name, &**value)))
    }
}

/// `service{a=b,c=d}`, the application name of Pyroscope's `/ingest`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{", self.service)?;
        for (at, (name, value)) in self.labels.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{name}={value}")?;
        }
        f.write_str("}")
    }
}

fn is_of_service(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_an_application() {
        let mut labels = Labels::new("shop/api-2.v1").expect("valid");
        assert_eq!(labels.to_string(), "shop/api-2.v1{}");
        labels.set_pair("region=eu=1").expect("valid");
        labels.set("host", "ä \"b\"").expect("valid");
        assert_eq!(
            labels.to_string(),
            "shop/api-2.v1{host=ä \"b\",region=eu=1}"
        );
        let names: Vec<_> = labels.all().map(|(name, _)| name).collect();
        assert_eq!(names, ["__name__", "service_name", "host", "region"]);
    }

    #[test]
    fn what_is_no_label() {
        for service in ["", "a b", "a{b=c}", "ä", "a\n", "a:b"] {
            assert!(Labels::new(service).is_err(), "{service:?}");
        }
        let mut labels = Labels::new("s").expect("valid");
        for pair in [
            "",
            "a",
            "=a",
            "a=",
            "1a=b",
            "a-b=c",
            "a.b=c",
            "__name__=x",
            "service_name=x",
            "a=b,c",
            "a=b}",
            "a={",
            "a= b",
            "a=b\n",
            "a b=c",
            "ä=b",
        ] {
            assert!(labels.set_pair(pair).is_err(), "{pair:?}");
        }
        assert!(labels.set("a", &"x".repeat(2049)).is_err());
        assert_eq!(labels.to_string(), "s{}");
    }

    #[test]
    fn any_text_becomes_one() {
        let mut labels = Labels::of_anything("my app:ü");
        labels.set_anything("host", "a,b c}");
        labels.set_anything("pid", "");
        assert_eq!(labels.to_string(), "my_app__{host=a_b_c_,pid=unknown}");
        assert_eq!(Labels::of_anything("").service(), "python");
    }
}
