"""The process that watches the workers, keeps the books and speaks for the device."""
