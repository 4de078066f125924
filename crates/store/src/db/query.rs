//! A query, its values and its rows, whichever database it goes to.

use std::borrow::Cow;

use sqlx::{
    Arguments, AssertSqlSafe, Decode, Encode, Postgres, Row as _, SqlSafeStr as _, SqlStr, Sqlite, Type,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::{Connection, connection::Raw};
use crate::StoreError;

/// A value of a query. An absent one still says what it would be: `PostgreSQL` wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'q> {
    Id(Option<Uuid>),
    Number(Option<i64>),
    Flag(Option<bool>),
    Text(Option<&'q str>),
    Bytes(&'q [u8]),
}

macro_rules! values {
    ($($type:ty => $kind:ident),*) => {$(
        impl<'q> From<$type> for Value<'q> {
            fn from(value: $type) -> Self {
                Self::$kind(Some(value))
            }
        }

        impl<'q> From<Option<$type>> for Value<'q> {
            fn from(value: Option<$type>) -> Self {
                Self::$kind(value)
            }
        }
    )*};
}

values!(Uuid => Id, i64 => Number, bool => Flag, &'q str => Text);

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(value: &'q [u8]) -> Self {
        Self::Bytes(value)
    }
}

/// A statement with its values.
#[must_use]
pub(crate) struct Query<'q> {
    sql: SqlStr,
    values: Vec<Value<'q>>,
}

/// A query of this text. Texts are made of constants only; everything else is bound.
pub(crate) fn query<'q>(sql: impl Into<Cow<'static, str>>) -> Query<'q> {
    let sql = match sql.into() {
        Cow::Borrowed(sql) => sql.into_sql_str(),
        Cow::Owned(sql) => AssertSqlSafe(sql).into_sql_str(),
    };
    Query { sql, values: Vec::new() }
}

/// `$1, $2, …` for `count` values that are bound first.
pub(crate) fn placeholders(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

impl<'q> Query<'q> {
    /// Gives the next of `$1`, `$2` … its value.
    pub(crate) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Binds the values of [`placeholders`].
    pub(crate) fn bind_all<T: Into<Value<'q>>>(self, values: impl IntoIterator<Item = T>) -> Self {
        values.into_iter().fold(self, Self::bind)
    }

    /// Runs it and tells how many rows it changed.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, StoreError> {
        Ok(match connection.raw() {
            Raw::Sqlite(raw) => self.sqlite()?.execute(raw).await?.rows_affected(),
            Raw::Postgres(raw) => {
                let query = self.postgres()?;
                raw.wait_for(async |connection| query.execute(connection).await).await?.rows_affected()
            }
        })
    }

    /// Its row, if there is one.
    pub(crate) async fn fetch_optional(self, connection: &mut Connection) -> Result<Option<Row>, StoreError> {
        Ok(match connection.raw() {
            Raw::Sqlite(raw) => self.sqlite()?.fetch_optional(raw).await?.map(Row::Sqlite),
            Raw::Postgres(raw) => {
                let query = self.postgres()?;
                raw.wait_for(async |connection| query.fetch_optional(connection).await).await?.map(Row::Postgres)
            }
        })
    }

    /// Its one row.
    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<Row, StoreError> {
        self.fetch_optional(connection).await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// All its rows.
    pub(crate) async fn fetch_all(self, connection: &mut Connection) -> Result<Vec<Row>, StoreError> {
        Ok(match connection.raw() {
            Raw::Sqlite(raw) => self.sqlite()?.fetch_all(raw).await?.into_iter().map(Row::Sqlite).collect(),
            Raw::Postgres(raw) => {
                let query = self.postgres()?;
                let rows = raw.wait_for(async |connection| query.fetch_all(connection).await).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>, StoreError> {
        Ok(sqlx::query_with(self.sql, arguments(self.values)?))
    }

    fn postgres(self) -> Result<sqlx::query::Query<'static, Postgres, PgArguments>, StoreError> {
        Ok(sqlx::query_with(self.sql, arguments(self.values)?))
    }
}

/// The values as this database takes them.
fn arguments<'q, A: Arguments>(values: Vec<Value<'q>>) -> Result<A, StoreError>
where
    Option<Uuid>: Encode<'q, A::Database> + Type<A::Database>,
    Option<i64>: Encode<'q, A::Database> + Type<A::Database>,
    Option<bool>: Encode<'q, A::Database> + Type<A::Database>,
    Option<&'q str>: Encode<'q, A::Database> + Type<A::Database>,
    &'q [u8]: Encode<'q, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Id(id) => arguments.add(id),
            Value::Number(number) => arguments.add(number),
            Value::Flag(flag) => arguments.add(flag),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A row of either database.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column, counted from 0.
    ///
    /// # Panics
    /// When the column is not there or of another type: a fault of the query, which every test of it finds.
    pub(crate) fn get<'r, T>(&'r self, column: usize) -> T
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.get(column),
            Self::Postgres(row) => row.get(column),
        }
    }
}
