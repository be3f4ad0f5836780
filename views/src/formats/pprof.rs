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

use super::{Stack, Stacks};

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
    /// The moment, in nanoseconds since 1970.
    pub time_nanos: u64,
    /// How long before that the one before was taken.
    pub duration_nanos: u64,
}

/// Writes the profile piece by piece.
pub fn write(stacks: &Stacks<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_taken(stacks, Taken::default(), out)
}

/// Writes the profile of a known moment.
pub fn write_taken(stacks: &Stacks<'_>, taken: Taken, out: &mut dyn Write) -> io::Result<()> {
    let mut out = GzEncoder::new(out, Compression::default());
    let mut strings = Strings::default();
    strings.id("");
    let value_type = |strings: &mut Strings, kind: &str, unit: &str| {
        let mut message = Message::default();
        message.number(field::value_type::TYPE, strings.id(kind));
        message.number(field::value_type::UNIT, strings.id(unit));
        message
    };
    let mut profile = Message::default();
    let objects = value_type(&mut strings, "inuse_objects", "count");
    let space = value_type(&mut strings, "inuse_space", "bytes");
    profile.message(field::SAMPLE_TYPE, &objects);
    profile.message(field::SAMPLE_TYPE, &space);
    profile.message(
        field::PERIOD_TYPE,
        &value_type(&mut strings, "space", "bytes"),
    );
    for (field, nanos) in [
        (field::TIME_NANOS, taken.time_nanos),
        (field::DURATION_NANOS, taken.duration_nanos),
    ] {
        if nanos != 0 {
            profile.number(field, nanos);
        }
    }
    profile.number(field::PERIOD, 1);
    profile.number(field::DEFAULT_SAMPLE_TYPE, strings.id("inuse_space"));

    let domain_key = strings.id("domain");
    let label = |strings: &mut Strings, (name, value): &(String, String)| {
        let mut label = Message::default();
        label.number(field::label::KEY, strings.id(name));
        label.number(field::label::STR, strings.id(value));
        label
    };
    let mut labels: Vec<Vec<Message>> = Vec::new();
    for process in &stacks.processes {
        labels.push(
            process
                .iter()
                .map(|pair| label(&mut strings, pair))
                .collect(),
        );
    }
    for stack in &stacks.stacks {
        let mut sample = sample(stacks, stack, domain_key);
        for label in stack
            .process
            .iter()
            .flat_map(|&process| &labels[process as usize])
        {
            sample.message(field::sample::LABEL, label);
        }
        profile.message(field::SAMPLE, &sample);
        profile.flush_to(&mut out)?;
    }
    for id in stacks.all_frames() {
        let frame = stacks.frame(id);
        // Ids begin with 1; 0 is none.
        let number = u64::from(id.0) + 1;
        let mut line = Message::default();
        line.number(field::line::FUNCTION_ID, number);
        line.number(field::line::LINE, frame.lineno.into());
        let mut location = Message::default();
        location.number(field::location::ID, number);
        location.message(field::location::LINE, &line);
        profile.message(field::LOCATION, &location);
        let name = strings.id(&stacks.short(id));
        let mut function = Message::default();
        function.number(field::function::ID, number);
        function.number(field::function::NAME, name);
        // Without a system name: pprof would take `<unknown>` for one of C++, and demangle it away.
        let filename = strings.id(&frame.filename.to_string_lossy());
        function.number(field::function::FILENAME, filename);
        profile.message(field::FUNCTION, &function);
        profile.flush_to(&mut out)?;
    }
    for text in &strings.texts {
        profile.bytes(field::STRING, text.as_bytes());
        profile.flush_to(&mut out)?;
    }
    out.finish()?.flush()
}

fn sample(stacks: &Stacks<'_>, stack: &Stack, domain_key: u64) -> Message {
    let mut sample = Message::default();
    // The most recent first.
    let locations = stacks.frames(stack).iter();
    sample.packed(
        field::sample::LOCATION_ID,
        locations.map(|id| u64::from(id.0) + 1),
    );
    // Neither is negative.
    let values = [stack.amount.count, stack.amount.size].map(|value| value as u64);
    sample.packed(field::sample::VALUE, values);
    if stack.domain != 0 {
        let mut label = Message::default();
        label.number(field::label::KEY, domain_key);
        label.number(field::label::NUM, stack.domain.into());
        sample.message(field::sample::LABEL, &label);
    }
    sample
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
