impl<T> Account<T> {
    #[allow(clippy::needless_pass_by_value, clippy::needless_pass_by_ref_mut)]
    pub fn deposit_money(&mut self, amount: T) -> Result<(), AccountError> {
        Ok(())
    }
}
compile_error! {
    "an aggregate is one concrete type: write `impl Account<Eur>` with `#[aggregate(name = \"EurAccount\")]`, or register it through a type alias"
}
