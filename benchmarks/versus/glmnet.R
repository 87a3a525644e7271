# Reads X, y and lambda from a folder once, then fits at every line of standard input:
# a threshold in, "seconds columns entries" out, and the coefficients in the folder.
suppressPackageStartupMessages(library(glmnet))
folder <- commandArgs(trailingOnly = TRUE)[1]
header <- scan(file.path(folder, "header"), quiet = TRUE, what = "")
m <- as.integer(header[1]); n <- as.integer(header[2]); entries <- as.numeric(header[3])
points <- as.integer(header[4]); intercept <- header[5] == "1"; method <- header[6]
family <- header[7]; share <- as.numeric(header[8])

numbers <- function(name, count, what = "double") {
  file <- file(file.path(folder, name), "rb")
  on.exit(close(file))
  readBin(file, what, n = count)
}

y <- numbers("y", m)
lambda <- numbers("lambda", points)
weights <- numbers("weights", m)
if (entries < 0) {
  X <- matrix(numbers("x", as.numeric(m) * n), m, n)
} else {
  X <- new("dgCMatrix", i = numbers("i", entries, "integer"), p = numbers("p", n + 1, "integer"),
           x = numbers("x", entries), Dim = c(m, n))
}

kind <- switch(family, gamma = Gamma(link = "log"),
               tweedie = statmod::tweedie(var.power = 1.5, link.power = 0), family)

# The path is not to stop early: neither at 99.9 % of the deviance nor where it grows slowly.
glmnet.control(fdev = 0, devmax = 1)
input <- file("stdin", "r")
cat("ready", as.character(packageVersion("glmnet")), "\n")
flush(stdout())
while (length(line <- readLines(input, n = 1)) == 1) {
  threshold <- as.numeric(line)
  # Of a family object, the outer loop has a threshold and a limit of its own.
  if (!is.character(kind)) glmnet.control(epsnr = threshold, mxitnr = 1000)
  arguments <- list(X, y, family = kind, alpha = share, lambda = lambda, weights = weights,
                    standardize = FALSE, intercept = intercept, thresh = threshold,
                    maxit = 1e9)
  if (family == "gaussian") arguments$type.gaussian <- method
  if (family == "binomial") arguments$type.logistic <- method
  start <- Sys.time()
  fit <- do.call(glmnet, arguments)
  seconds <- as.numeric(Sys.time() - start, units = "secs")
  beta <- fit$beta
  if (family == "multinomial") beta <- do.call(rbind, beta)
  file <- file(file.path(folder, "beta"), "wb")
  writeBin(beta@p, file)
  writeBin(beta@i, file)
  writeBin(beta@x, file)
  close(file)
  cat("fit", format(seconds, digits = 15), ncol(beta), length(beta@x), "\n")
  flush(stdout())
}
