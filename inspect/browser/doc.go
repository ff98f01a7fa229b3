// Package browser tests the page of package inspect in a real browser. It is a
// module of its own because the driver of the browser is a third party's.
package browser
