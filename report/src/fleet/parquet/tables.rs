//! The two tables, written a row group at a time.
//!
//! Invariant: at most one file of a table is open, and at most [`GROUP`] rows of it are in memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use snapshot::Usage;

use crate::fleet::naming::Named;

/// Rows of a row group: some megabytes, of which an engine reads the columns that it needs.
const GROUP: usize = 1 << 18;
/// Row groups of a file, so that engines can share the files out.
const GROUPS: usize = 16;

/// In the metadata of each file, as `tracemalloc.schema`; it changes when a column changes its meaning.
const SCHEMA_VERSION: &str = "1";

/// The files of a table, one after the other.
struct Files {
    folder: PathBuf,
    schema: std::result::Result<TypePtr, String>,
    part: usize,
    open: Option<SerializedFileWriter<File>>,
    groups: usize,
}

impl Files {
    fn new(folder: &Path, schema: &str) -> Self {
        Files {
            folder: folder.to_owned(),
            schema: parse_message_type(schema)
                .map(Arc::new)
                .map_err(|error| error.to_string()),
            part: 0,
            open: None,
            groups: 0,
        }
    }

    fn writer(&mut self) -> Result<&mut SerializedFileWriter<File>> {
        if self.open.is_none() {
            fs::create_dir_all(&self.folder)?;
            let path = self.folder.join(format!("part-{:05}.parquet", self.part));
            let schema = KeyValue::new("tracemalloc.schema".into(), SCHEMA_VERSION.to_owned());
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_max_row_group_row_count(Some(GROUP))
                .set_created_by(concat!("tracemalloc ", env!("CARGO_PKG_VERSION")).to_owned())
                .set_key_value_metadata(Some(vec![schema]))
                .build();
            let file = File::options().write(true).create_new(true).open(path)?;
            let types = self.schema.clone().map_err(ParquetError::General)?;
            self.open = Some(SerializedFileWriter::new(
                file,
                types,
                Arc::new(properties),
            )?);
            self.part += 1;
            self.groups = 0;
        }
        let none = || ParquetError::General("no file is open".to_owned());
        self.open.as_mut().ok_or_else(none)
    }

    fn close(&mut self) -> Result<()> {
        if let Some(mut writer) = self.open.take() {
            writer.finish()?;
            writer.inner().sync_all()?;
        }
        Ok(())
    }

    /// Writes a row group, of columns in their order.
    fn group(&mut self, columns: &[Column<'_>]) -> Result<()> {
        let mut group = self.writer()?.next_row_group()?;
        for column in columns {
            let none = || ParquetError::General("a column too many".to_owned());
            let mut writer = group.next_column()?.ok_or_else(none)?;
            match column {
                Column::Int(values) => put::<Int64Type>(&mut writer, values)?,
                Column::Text(values) => put::<ByteArrayType>(&mut writer, values)?,
                Column::Bool(values) => put::<BoolType>(&mut writer, values)?,
            }
            writer.close()?;
        }
        group.close()?;
        self.groups += 1;
        if self.groups == GROUPS {
            self.close()
        } else {
            Ok(())
        }
    }
}

enum Column<'a> {
    Int(&'a [i64]),
    Text(&'a [ByteArray]),
    Bool(&'a [bool]),
}

fn put<T: DataType>(
    writer: &mut parquet::file::writer::SerializedColumnWriter<'_>,
    values: &[T::T],
) -> Result<()> {
    writer.typed::<T>().write_batch(values, None, None)?;
    Ok(())
}

/// `traces`
pub struct Traces {
    files: Files,
    folder: PathBuf,
    date: String,
    /// Of the dump whose rows come: process, dump, labels; and its time.
    said: Vec<ByteArray>,
    time: i64,
    /// The same of each row.
    texts: Vec<Vec<ByteArray>>,
    times: Vec<i64>,
    domains: Vec<i64>,
    ids: Vec<i64>,
    sizes: Vec<i64>,
    counts: Vec<i64>,
    filenames: Vec<ByteArray>,
    lines: Vec<i64>,
}

impl Traces {
    /// A table with columns for labels in this folder.
    pub fn new(folder: &Path, labels: &[String]) -> Self {
        let label = |key: &String| format!("required binary {key} (STRING);\n");
        let labels: Vec<String> = labels.iter().map(label).collect();
        let schema = format!(
            "message traces {{
                required binary process (STRING);
                required binary dump (STRING);
                {}
                required int64 time (TIMESTAMP(MICROS, true));
                required int64 domain;
                required int64 traceback_id;
                required int64 size;
                required int64 count;
                required binary filename (STRING);
                required int64 lineno;
            }}",
            labels.concat()
        );
        Traces {
            files: Files::new(folder, &schema),
            folder: folder.to_owned(),
            date: String::new(),
            said: Vec::new(),
            time: 0,
            texts: vec![Vec::new(); labels.len() + 2],
            times: Vec::new(),
            domains: Vec::new(),
            ids: Vec::new(),
            sizes: Vec::new(),
            counts: Vec::new(),
            filenames: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Says whose rows come next. Dates come one after the other.
    pub fn begin(&mut self, date: &str, path: &Path, named: &Named) -> Result<()> {
        if date != self.date {
            self.close()?;
            date.clone_into(&mut self.date);
            self.files.folder = self.folder.join(format!("date={date}"));
            self.files.part = 0;
        }
        let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        self.said = vec![text(&named.process), text(&path.to_string_lossy())];
        self.said
            .extend(named.labels.iter().map(|value| text(value)));
        self.time = named.time;
        Ok(())
    }

    pub fn row(
        &mut self,
        domain: u32,
        id: i64,
        usage: Usage,
        filename: ByteArray,
        line: u32,
    ) -> Result<()> {
        for (column, value) in self.texts.iter_mut().zip(&self.said) {
            column.push(value.clone());
        }
        self.times.push(self.time);
        self.domains.push(domain.into());
        self.ids.push(id);
        self.sizes.push(usage.size);
        self.counts.push(usage.count);
        self.filenames.push(filename);
        self.lines.push(line.into());
        if self.ids.len() < GROUP {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<Column<'_>> = Vec::new();
        columns.extend(self.texts.iter().map(|column| Column::Text(column)));
        columns.extend([
            Column::Int(&self.times),
            Column::Int(&self.domains),
            Column::Int(&self.ids),
            Column::Int(&self.sizes),
            Column::Int(&self.counts),
            Column::Text(&self.filenames),
            Column::Int(&self.lines),
        ]);
        self.files.group(&columns)?;
        self.texts.iter_mut().for_each(Vec::clear);
        self.filenames.clear();
        let numbers = [
            &mut self.times,
            &mut self.domains,
            &mut self.ids,
            &mut self.sizes,
            &mut self.counts,
            &mut self.lines,
        ];
        numbers.into_iter().for_each(Vec::clear);
        Ok(())
    }

    /// Writes what is left, and ends the file.
    pub fn close(&mut self) -> Result<()> {
        self.flush()?;
        self.files.close()
    }
}

/// `frames`
pub struct Frames {
    files: Files,
    ids: Vec<i64>,
    positions: Vec<i64>,
    leaves: Vec<bool>,
    roots: Vec<bool>,
    filenames: Vec<ByteArray>,
    lines: Vec<i64>,
}

impl Frames {
    /// A table in this folder.
    pub fn new(folder: &Path) -> Self {
        let schema = "message frames {
            required int64 traceback_id;
            required int64 position;
            required boolean leaf;
            required boolean root;
            required binary filename (STRING);
            required int64 lineno;
        }";
        Frames {
            files: Files::new(folder, schema),
            ids: Vec::new(),
            positions: Vec::new(),
            leaves: Vec::new(),
            roots: Vec::new(),
            filenames: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub fn row(
        &mut self,
        id: i64,
        position: usize,
        root: bool,
        filename: ByteArray,
        line: u32,
    ) -> Result<()> {
        self.ids.push(id);
        // A traceback has fewer than 2³² frames.
        self.positions.push(position as i64);
        self.leaves.push(position == 0);
        self.roots.push(root);
        self.filenames.push(filename);
        self.lines.push(line.into());
        if self.ids.len() < GROUP {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        self.files.group(&[
            Column::Int(&self.ids),
            Column::Int(&self.positions),
            Column::Bool(&self.leaves),
            Column::Bool(&self.roots),
            Column::Text(&self.filenames),
            Column::Int(&self.lines),
        ])?;
        [&mut self.ids, &mut self.positions, &mut self.lines]
            .into_iter()
            .for_each(Vec::clear);
        [&mut self.leaves, &mut self.roots]
            .into_iter()
            .for_each(Vec::clear);
        self.filenames.clear();
        Ok(())
    }

    /// Writes what is left, and ends the file.
    pub fn close(&mut self) -> Result<()> {
        self.flush()?;
        self.files.close()
    }
}
