//! Reports in JSON: one document, or one cluster per line. One host is read at a time; the name and
//! type of a cluster may follow its hosts.

use std::fmt;
use std::rc::Rc;

use serde::de::{self, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use sqern_db::cust::load::Place;
use sqern_model::{ClusterName, ReportedHost, TypeWord};

use super::input::{Input, Position, ReportFormat, describe_failure};
use super::invalid::InvalidReport;
use super::rows::Rows;

/// Reads a report to its end. Without a format, the first key determines it.
pub(super) fn read(
    input: Input,
    format: Option<ReportFormat>,
    rows: &mut Rows,
) -> Result<ReportFormat, InvalidReport> {
    let position = input.position();
    let mut json = serde_json::Deserializer::from_reader(input);
    if json.end().is_ok() {
        return Err(InvalidReport::at(
            Place {
                line: 1,
                record: None,
            },
            "report is empty",
        ));
    }
    let mut format = format;
    loop {
        let document = Document {
            rows: &mut *rows,
            position: &position,
            format,
        };
        let found = document
            .deserialize(&mut json)
            .map_err(|error| describe(&error, &position))?;
        format = Some(found);
        match json.end() {
            Ok(()) => return Ok(found),
            // Another line. Invalid input is reported when the line is read.
            Err(_) if found == ReportFormat::JsonLines => {}
            Err(error) => return Err(describe(&error, &position)),
        }
    }
}

/// Returns the error with its place.
fn describe(error: &serde_json::Error, position: &Position) -> InvalidReport {
    let text = error.to_string();
    let reason = text
        .strip_suffix(&format!(
            " at line {} column {}",
            error.line(),
            error.column()
        ))
        .unwrap_or(&text);
    let reason = match error.classify() {
        Category::Io => describe_failure(reason, position).0,
        // serde names the Rust type.
        Category::Data => reason.replace("struct ReportedHost", "an object"),
        Category::Eof => format!("unexpected end of the report: {reason}"),
        Category::Syntax => {
            let reason = match reason {
                // serde_json reports a lone surrogate by 2 messages, which depend on the next byte.
                "unexpected end of hex escape" | "lone leading surrogate in hex escape" => {
                    "lone surrogate in a Unicode escape"
                }
                reason => reason,
            };
            format!("invalid JSON at column {}: {reason}", position.column())
        }
    };
    let line = i64::try_from(error.line()).unwrap_or(i64::MAX);
    let place = if line > 0 {
        position.at_line(line)
    } else {
        position.place()
    };
    InvalidReport::at(place, reason)
}

/// A document with `clusters`, or one cluster.
struct Document<'a> {
    rows: &'a mut Rows,
    position: &'a Rc<Position>,
    format: Option<ReportFormat>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Clusters,
    Name,
    Type,
    Hosts,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ReportFormat;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ReportFormat, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ReportFormat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.format {
            Some(ReportFormat::JsonLines) => "a cluster",
            _ => "an object with clusters",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReportFormat, A::Error> {
        let first = map.next_key::<Key>()?;
        let found = match first {
            Some(Key::Clusters) => ReportFormat::Json,
            Some(_) => ReportFormat::JsonLines,
            None => self.format.unwrap_or(ReportFormat::Json),
        };
        match (found, self.format.unwrap_or(found)) {
            (ReportFormat::Json, ReportFormat::Json) => {
                if first.is_none() {
                    return Err(A::Error::missing_field("clusters"));
                }
                map.next_value_seed(Clusters {
                    rows: self.rows,
                    position: self.position,
                })?;
                match map.next_key::<Key>()? {
                    Some(Key::Clusters) => Err(A::Error::duplicate_field("clusters")),
                    Some(_) => Err(A::Error::custom("unexpected field next to `clusters`")),
                    None => Ok(found),
                }
            }
            (_, ReportFormat::JsonLines) if found == ReportFormat::JsonLines => Cluster {
                rows: self.rows,
                position: self.position,
            }
            .fields(first, map)
            .map(|()| found),
            (ReportFormat::Json, _) => Err(A::Error::custom(
                "expected one cluster per line (--format jsonl), found a document with clusters",
            )),
            _ => Err(A::Error::custom(
                "expected one document with clusters (--format json), found a single cluster",
            )),
        }
    }
}

struct Clusters<'a> {
    rows: &'a mut Rows,
    position: &'a Rc<Position>,
}

impl<'de> DeserializeSeed<'de> for Clusters<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Clusters<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of clusters")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq
            .next_element_seed(Cluster {
                rows: &mut *self.rows,
                position: self.position,
            })?
            .is_some()
        {}
        Ok(())
    }
}

struct Cluster<'a> {
    rows: &'a mut Rows,
    position: &'a Rc<Position>,
}

impl<'de> DeserializeSeed<'de> for Cluster<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Cluster<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cluster")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let first = map.next_key::<Key>()?;
        self.fields(first, map)
    }
}

impl Cluster<'_> {
    /// Reads the fields of a cluster; `first` is the key that was already read.
    fn fields<'de, A: MapAccess<'de>>(
        self,
        first: Option<Key>,
        mut map: A,
    ) -> Result<(), A::Error> {
        let number = self.rows.begin_cluster();
        let line = self.position.place().line;
        let (mut name, mut type_id, mut hosts) = (None::<ClusterName>, None, false);
        let mut key = first;
        while let Some(field) = key {
            match field {
                Key::Name if name.is_some() => return Err(A::Error::duplicate_field("name")),
                Key::Name => name = Some(map.next_value()?),
                Key::Type if type_id.is_some() => return Err(A::Error::duplicate_field("type")),
                Key::Type => {
                    let word: TypeWord = map.next_value()?;
                    type_id = Some(self.rows.type_id(&word).map_err(A::Error::custom)?);
                }
                Key::Hosts if hosts => return Err(A::Error::duplicate_field("hosts")),
                Key::Hosts => {
                    hosts = true;
                    map.next_value_seed(Hosts {
                        rows: &mut *self.rows,
                        position: self.position,
                        number,
                    })?;
                }
                Key::Clusters => {
                    return Err(A::Error::unknown_field(
                        "clusters",
                        &["name", "type", "hosts"],
                    ));
                }
            }
            key = map.next_key()?;
        }
        let name = name.ok_or_else(|| A::Error::missing_field("name"))?;
        let type_id = type_id.ok_or_else(|| A::Error::missing_field("type"))?;
        if !hosts {
            return Err(A::Error::missing_field("hosts"));
        }
        self.position.end_record();
        self.rows
            .cluster(number, &name, type_id, line)
            .map_err(A::Error::custom)
    }
}

struct Hosts<'a> {
    rows: &'a mut Rows,
    position: &'a Rc<Position>,
    number: i32,
}

impl<'de> DeserializeSeed<'de> for Hosts<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Hosts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of hosts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self {
            rows,
            position,
            number,
        } = self;
        while seq
            .next_element_seed(Host {
                rows: &mut *rows,
                position,
                number,
            })?
            .is_some()
        {}
        Ok(())
    }
}

struct Host<'a> {
    rows: &'a mut Rows,
    position: &'a Rc<Position>,
    number: i32,
}

impl<'de> DeserializeSeed<'de> for Host<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.position.begin_record();
        let place = self.position.place();
        let host = ReportedHost::deserialize(deserializer)?;
        self.rows
            .host(self.number, &host, place)
            .map_err(de::Error::custom)?;
        self.position.end_record();
        Ok(())
    }
}
