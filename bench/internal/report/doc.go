// Package report writes the figures as a Markdown page: tables of times and
// ratios, what each task allocates, the budgets and whether they are met, and
// where other libraries are ahead.
package report
