//! Arguments of functions that are written in Python elsewhere: bound by the same rules, refused
//! with the same words, and shown by `inspect.signature`.
//!
//! Invariant: every value is kept as the object that it is.

use rustpython_vm::function::{ArgumentError, FuncArgs};
use rustpython_vm::{PyObjectRef, VirtualMachine};

/// What the words of an error need to know of a function.
pub(crate) struct Function {
    /// As Python shows it: `Frame.__init__`.
    pub(crate) name: &'static str,
    /// Whether the instance counts as an argument.
    pub(crate) method: bool,
    pub(crate) names: &'static [&'static str],
    /// How many of the names have no default.
    pub(crate) required: usize,
}

impl Function {
    /// The values of the names, `None` for a default.
    pub(crate) fn bind(
        &self,
        arguments: &mut FuncArgs,
        vm: &VirtualMachine,
    ) -> Result<Bound, ArgumentError> {
        let fits = self.required..=self.names.len();
        if arguments.kwargs.is_empty() && fits.contains(&arguments.args.len()) {
            let values = std::mem::take(&mut arguments.args);
            return Ok(Bound::Positional(values.into_iter()));
        }
        self.bind_by_name(arguments, vm)
    }

    #[cold]
    fn bind_by_name(
        &self,
        arguments: &mut FuncArgs,
        vm: &VirtualMachine,
    ) -> Result<Bound, ArgumentError> {
        let refuse = |words: String| ArgumentError::from(vm.new_type_error(words));
        let Self { name, names, .. } = self;
        let mut given: Vec<Option<PyObjectRef>> = arguments.args.drain(..).map(Some).collect();
        let positional = given.len();
        if positional < names.len() {
            given.resize(names.len(), None);
        }
        for (keyword, value) in arguments.remaining_keywords() {
            let at = names
                .iter()
                .position(|n| n.as_bytes() == keyword.as_bytes());
            let Some(at) = at else {
                return Err(refuse(format!(
                    "{name}() got an unexpected keyword argument '{keyword}'"
                )));
            };
            if given[at].replace(value).is_some() {
                return Err(refuse(format!(
                    "{name}() got multiple values for argument '{keyword}'"
                )));
            }
        }
        if positional > names.len() {
            return Err(refuse(self.too_many(positional)));
        }
        let missing = names.iter().zip(&given).take(self.required);
        let missing: Vec<&str> = missing
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| *name)
            .collect();
        if missing.is_empty() {
            return Ok(Bound::Named(given.into_iter()));
        }
        Err(refuse(self.too_few(&missing)))
    }

    fn too_many(&self, positional: usize) -> String {
        let instance = usize::from(self.method);
        let (least, most) = (self.required + instance, self.names.len() + instance);
        let (takes, one) = match least == most {
            true => (most.to_string(), most == 1),
            false => (format!("from {least} to {most}"), false),
        };
        let given = positional + instance;
        format!(
            "{}() takes {takes} positional argument{} but {given} {} given",
            self.name,
            if one { "" } else { "s" },
            if given == 1 { "was" } else { "were" },
        )
    }

    fn too_few(&self, missing: &[&str]) -> String {
        let quoted: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
        let listed = match quoted.as_slice() {
            [one] => one.clone(),
            [one, other] => format!("{one} and {other}"),
            [rest @ .., last] => format!("{}, and {last}", rest.join(", ")),
            [] => String::new(),
        };
        format!(
            "{}() missing {} required positional argument{}: {listed}",
            self.name,
            missing.len(),
            if missing.len() == 1 { "" } else { "s" },
        )
    }
}

/// Values in the order of their names.
pub(crate) enum Bound {
    Positional(std::vec::IntoIter<PyObjectRef>),
    Named(std::vec::IntoIter<Option<PyObjectRef>>),
}

impl Bound {
    /// The value of the next name; `None` for a default.
    pub(crate) fn next(&mut self) -> Option<PyObjectRef> {
        match self {
            Self::Positional(values) => values.next(),
            Self::Named(values) => values.next().flatten(),
        }
    }
}

/// A struct of the arguments of a function: names without a default, and names with one
/// (`None` or `False`). The instance of a `method` counts as an argument in errors.
macro_rules! arguments {
    ($vis:vis struct $struct:ident of $kind:ident $function:literal (
        $($required:ident),* $(; $($optional:ident = $default:ident),*)?
    )) => {
        $vis struct $struct {
            $($vis $required: rustpython_vm::PyObjectRef,)*
            $($($vis $optional: rustpython_vm::PyObjectRef,)*)?
        }

        impl $struct {
            const FUNCTION: $crate::arguments::Function = $crate::arguments::Function {
                name: $function,
                method: $crate::arguments::arguments!(@method $kind),
                names: &[$(stringify!($required),)* $($(stringify!($optional),)*)?],
                required: <[&str]>::len(&[$(stringify!($required)),*]),
            };
        }

        impl rustpython_vm::function::FromArgs for $struct {
            const PARAMS: Option<&'static [rustpython_vm::function::Param]> = Some(&[
                $(rustpython_vm::function::Param::positional_or_keyword(stringify!($required)),)*
                $($(rustpython_vm::function::Param {
                    name: stringify!($optional),
                    kind: rustpython_vm::function::ParamKind::PositionalOrKeyword,
                    default: Some($crate::arguments::arguments!(@shown $default)),
                },)*)?
            ]);

            fn arity() -> std::ops::RangeInclusive<usize> {
                Self::FUNCTION.required..=Self::FUNCTION.names.len()
            }

            #[allow(unused_mut, unused_variables)]
            fn from_args(
                vm: &rustpython_vm::VirtualMachine,
                args: &mut rustpython_vm::function::FuncArgs,
            ) -> Result<Self, rustpython_vm::function::ArgumentError> {
                let mut values = Self::FUNCTION.bind(args, vm)?;
                Ok(Self {
                    $($required: values.next().unwrap_or_else(|| vm.ctx.none()),)*
                    $($($optional: values.next()
                        .unwrap_or_else(|| $crate::arguments::arguments!(@value $default vm)),)*)?
                })
            }
        }
    };
    (@method method) => { true };
    (@method function) => { false };
    (@shown None) => { rustpython_vm::function::DefaultRepr::None };
    (@shown False) => { rustpython_vm::function::DefaultRepr::Bool(false) };
    (@value None $vm:ident) => { $vm.ctx.none() };
    (@value False $vm:ident) => { $vm.ctx.new_bool(false).into() };
}
pub(crate) use arguments;
