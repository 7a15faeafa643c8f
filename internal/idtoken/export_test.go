package idtoken

// CheckAddress and Numeric let the table of addresses be tested without
// dialling them.
var (
	CheckAddress = checkAddress
	Numeric      = numeric
)
