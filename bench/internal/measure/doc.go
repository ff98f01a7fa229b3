// Package measure times work, counts what it allocates, and reduces the samples
// of many rounds to the figures of the report.
package measure
