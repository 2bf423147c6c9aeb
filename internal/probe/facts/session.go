package facts

// ReadOnlyDefault is the setting by which each transaction of a session is read-only.
const ReadOnlyDefault = "default_transaction_read_only"
