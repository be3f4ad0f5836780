//! pprof: a gzipped protocol buffer, `perftools.profiles.Profile` of
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>, with the sample types of a heap
//! profile, `inuse_objects` and `inuse_space`.
//!
//! Python's tracebacks name lines, not functions: each line is a function of its own here, since
//! most views show nothing but functions.

use std::collections::HashMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use snapshot::Frame;

use super::Stacks;
use crate::model::Amount;

/// Numbers of fields, by message.
mod field {
    pub const SAMPLE_TYPE: u32 = 1;
    pub const SAMPLE: u32 = 2;
    pub const LOCATION: u32 = 4;
    pub const FUNCTION: u32 = 5;
    pub const STRING: u32 = 6;
    pub const TIME_NANOS: u32 = 9;
    pub const DURATION_NANOS: u32 = 10;
    pub const PERIOD_TYPE: u32 = 11;
    pub const PERIOD: u32 = 12;
    pub const DEFAULT_SAMPLE_TYPE: u32 = 14;

    pub mod value_type {
        pub const TYPE: u32 = 1;
        pub const UNIT: u32 = 2;
    }
    pub mod sample {
        pub const LOCATION_ID: u32 = 1;
        pub const VALUE: u32 = 2;
        pub const LABEL: u32 = 3;
    }
    pub mod label {
        pub const KEY: u32 = 1;
        pub const STR: u32 = 2;
        pub const NUM: u32 = 3;
    }
    pub mod location {
        pub const ID: u32 = 1;
        pub const LINE: u32 = 4;
    }
    pub mod line {
        pub const FUNCTION_ID: u32 = 1;
        pub const LINE: u32 = 2;
    }
    pub mod function {
        pub const ID: u32 = 1;
        pub const NAME: u32 = 2;
        pub const FILENAME: u32 = 4;
    }
}

/// When a profile was taken; 0 is not said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// The moment, in nanoseconds since 1970; of a change, its begin.
    pub time_nanos: u64,
    /// How long before that the one before was taken; how long a change took.
    pub duration_nanos: u64,
}

/// Writes the profile piece by piece.
pub fn write(stacks: &Stacks<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_taken(stacks, Taken::default(), out)
}

/// Writes the profile of a known moment.
pub fn write_taken(stacks: &Stacks<'_>, taken: Taken, out: &mut dyn Write) -> io::Result<()> {
    let mut profile = Profile::begin(taken, out)?;
    let mut labels: Vec<Vec<Message>> = Vec::new();
    for process in &stacks.processes {
        labels.push(process.iter().map(|pair| profile.label(pair)).collect());
    }
    for stack in &stacks.stacks {
        // Ids begin with 1; 0 is none.
        let locations = stacks.frames(stack).iter().map(|id| u64::from(id.0) + 1);
        let labels = stack.process.map_or(&[][..], |at| &labels[at as usize]);
        profile.sample(locations, stack.domain, stack.amount, labels)?;
    }
    for id in stacks.all_frames() {
        profile.location(u64::from(id.0) + 1, &stacks.frame(id), &stacks.short(id))?;
    }
    profile.end()
}

/// Writes what changed: each traceback with its new amount less its old one, which may be negative,
/// and without those that did not change. So does Go for a difference over some seconds.
pub fn write_change(
    old: &Stacks<'_>,
    new: &Stacks<'_>,
    taken: Taken,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut ids: HashMap<Frame, u64> = HashMap::new();
    let mut names: Vec<(Frame, String)> = Vec::new();
    let mut changes: HashMap<(Vec<u64>, u32), Amount> = HashMap::new();
    for (stacks, sign) in [(new, 1), (old, -1)] {
        let locations: Vec<u64> = stacks
            .all_frames()
            .map(|id| {
                let frame = stacks.frame(id);
                *ids.entry(frame.clone()).or_insert_with(|| {
                    names.push((frame, stacks.short(id)));
                    names.len() as u64
                })
            })
            .collect();
        for stack in &stacks.stacks {
            let frames = stacks.frames(stack).iter();
            let frames = frames.map(|id| locations[id.0 as usize]).collect();
            *changes.entry((frames, stack.domain)).or_default() += Amount {
                size: sign * stack.amount.size,
                count: sign * stack.amount.count,
            };
        }
    }
    let mut changes: Vec<_> = changes
        .into_iter()
        .filter(|(_, amount)| *amount != Amount::default())
        .collect();
    changes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut profile = Profile::begin(taken, out)?;
    for ((locations, domain), amount) in changes {
        profile.sample(locations, domain, amount, &[])?;
    }
    for (id, (frame, short)) in (1..).zip(&names) {
        profile.location(id, frame, short)?;
    }
    profile.end()
}

/// A profile that is being written: its samples, then its locations.
struct Profile<'a> {
    out: GzEncoder<&'a mut dyn Write>,
    strings: Strings,
    message: Message,
    domain_key: u64,
}

impl<'a> Profile<'a> {
    fn begin(taken: Taken, out: &'a mut dyn Write) -> io::Result<Self> {
        let mut strings = Strings::default();
        strings.id("");
        let value_type = |strings: &mut Strings, kind: &str, unit: &str| {
            let mut message = Message::default();
            message.number(field::value_type::TYPE, strings.id(kind));
            message.number(field::value_type::UNIT, strings.id(unit));
            message
        };
        let mut message = Message::default();
        let objects = value_type(&mut strings, "inuse_objects", "count");
        let space = value_type(&mut strings, "inuse_space", "bytes");
        message.message(field::SAMPLE_TYPE, &objects);
        message.message(field::SAMPLE_TYPE, &space);
        for (field, nanos) in [
            (field::TIME_NANOS, taken.time_nanos),
            (field::DURATION_NANOS, taken.duration_nanos),
        ] {
            if nanos != 0 {
                message.number(field, nanos);
            }
        }
        message.message(
            field::PERIOD_TYPE,
            &value_type(&mut strings, "space", "bytes"),
        );
        message.number(field::PERIOD, 1);
        message.number(field::DEFAULT_SAMPLE_TYPE, strings.id("inuse_space"));
        let domain_key = strings.id("domain");
        Ok(Self {
            out: GzEncoder::new(out, Compression::default()),
            strings,
            message,
            domain_key,
        })
    }

    fn label(&mut self, (name, value): &(String, String)) -> Message {
        let mut label = Message::default();
        label.number(field::label::KEY, self.strings.id(name));
        label.number(field::label::STR, self.strings.id(value));
        label
    }

    /// Blocks of a traceback, the most recent location first.
    fn sample(
        &mut self,
        locations: impl IntoIterator<Item = u64>,
        domain: u32,
        amount: Amount,
        labels: &[Message],
    ) -> io::Result<()> {
        let mut sample = Message::default();
        sample.packed(field::sample::LOCATION_ID, locations);
        // A negative number is the same 64 bits.
        let values = [amount.count, amount.size].map(|value| value as u64);
        sample.packed(field::sample::VALUE, values);
        if domain != 0 {
            let mut label = Message::default();
            label.number(field::label::KEY, self.domain_key);
            label.number(field::label::NUM, domain.into());
            sample.message(field::sample::LABEL, &label);
        }
        for label in labels {
            sample.message(field::sample::LABEL, label);
        }
        self.message.message(field::SAMPLE, &sample);
        self.message.flush_to(&mut self.out)
    }

    fn location(&mut self, id: u64, frame: &Frame, short: &str) -> io::Result<()> {
        let mut line = Message::default();
        line.number(field::line::FUNCTION_ID, id);
        line.number(field::line::LINE, frame.lineno.into());
        let mut location = Message::default();
        location.number(field::location::ID, id);
        location.message(field::location::LINE, &line);
        self.message.message(field::LOCATION, &location);
        let mut function = Message::default();
        function.number(field::function::ID, id);
        function.number(field::function::NAME, self.strings.id(short));
        // Without a system name: pprof would take `<unknown>` for one of C++, and demangle it away.
        let filename = self.strings.id(&frame.filename.to_string_lossy());
        function.number(field::function::FILENAME, filename);
        self.message.message(field::FUNCTION, &function);
        self.message.flush_to(&mut self.out)
    }

    fn end(mut self) -> io::Result<()> {
        for text in &self.strings.texts {
            self.message.bytes(field::STRING, text.as_bytes());
            self.message.flush_to(&mut self.out)?;
        }
        // What stands there without a sample.
        self.message.flush_to(&mut self.out)?;
        self.out.finish()?.flush()
    }
}

/// The table of strings; a string is its place in it.
#[derive(Default)]
struct Strings {
    texts: Vec<String>,
    ids: HashMap<String, u64>,
}

impl Strings {
    fn id(&mut self, text: &str) -> u64 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = self.texts.len() as u64;
        self.texts.push(text.to_owned());
        self.ids.insert(text.to_owned(), id);
        id
    }
}

/// The bytes of a protocol buffer message.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            // Seven bits at a time; the cast keeps them.
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u32, value: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u32, message: &Message) {
        self.bytes(field, &message.0);
    }

    fn packed(&mut self, field: u32, values: impl IntoIterator<Item = u64>) {
        let mut packed = Message::default();
        values.into_iter().for_each(|value| packed.varint(value));
        self.bytes(field, &packed.0);
    }

    fn flush_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.0)?;
        self.0.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn wire_format() {
        let mut message = Message::default();
        // The examples of the encoding's documentation.
        message.number(1, 150);
        message.bytes(2, b"testing");
        message.packed(6, [3, 270, 86942]);
        let expected = b"\x08\x96\x01\x12\x07testing\x32\x06\x03\x8e\x02\x9e\xa7\x05";
        assert_eq!(message.0, expected);
    }
}
