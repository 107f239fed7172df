"""Services in and out as tables (CSV, XLSX) and HSDS-shaped JSON. Private telephones and addresses are in no file."""
