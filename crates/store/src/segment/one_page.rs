//! A page that the Parquet library reads by itself.

use parquet::column::page::{Page as LibraryPage, PageMetadata, PageReader};
use parquet::errors::ParquetError;

/// Gives the library one page.
pub(super) struct OnePage {
    pub(super) page: Option<LibraryPage>,
    pub(super) rows: usize,
}

impl Iterator for OnePage {
    type Item = Result<LibraryPage, ParquetError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for OnePage {
    fn get_next_page(&mut self) -> Result<Option<LibraryPage>, ParquetError> {
        Ok(self.page.take())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        Ok(self.page.as_ref().map(|_| PageMetadata {
            num_rows: Some(self.rows),
            num_levels: None,
            is_dict: false,
        }))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.page = None;
        Ok(())
    }
}
