//! Generated names that would hide those of the standard library or of the block.

use expect_test::expect;
use quote::quote;

use super::messages::{block, check, methods};

#[test]
fn generated_names_hide_nothing_of_the_prelude() {
    check(
        [
            methods(quote! {
                #[action(evt_key = "parcel-strung")]
                fn string(&mut self, words: Vec<u8>) -> Result<(), Never> {}
            }),
            methods(quote! {
                #[action(evt_key = "into")]
                fn send(&mut self) -> Result<(), Never> {}
            }),
            methods(quote! {
                #[action(command = "Option")]
                fn choose(&self) -> Result<u8, Never> {}
            }),
            methods(quote! {
                #[action(command = "SendParcel", evt_key = "parcel-sent")]
                fn send(&mut self) -> Result<(), Never> {}
                #[action(evt_key = "debug-on")]
                fn debug(&mut self) -> Result<(), Never> {}
            }),
        ],
        expect![[r##"
            #[action(evt_key = "parcel-strung")] fn string(&mut self, words: Vec<u8>) -> Result<(), Never> { }
                the command would be named `String` and hide `String` of the standard library in this module: name it with `command = ".."`
            #[action(evt_key = "into")] fn send(&mut self) -> Result<(), Never> { }
                the command would be named `Send` and hide `Send` of the standard library in this module: name it with `command = ".."`
                the event would be named `Into` and hide `Into` of the standard library in this module: choose another `evt_key`
            #[action(command = "Option")] fn choose(&self) -> Result<u8, Never> { }
                the command would be named `Option` and hide `Option` of the standard library in this module: name it with `command = ".."`
            #[action(command = "SendParcel", evt_key = "parcel-sent")] fn send(&mut self) -> Result<(), Never> { } #[action(evt_key = "debug-on")] fn debug(&mut self) -> Result<(), Never> { }
                fine
        "##]],
    );
}

#[test]
fn generated_names_hide_nothing_that_the_block_uses() {
    check(
        [
            methods(quote! {
                #[action(evt_key = "shelf-noted")]
                fn note(&mut self, notes: Vec<Note>) -> Result<(), Never> {}
            }),
            methods(quote! {
                #[action(evt_key = "note")]
                fn write(&mut self) -> Result<(), Never> {}
                #[action]
                fn read(&self) -> Result<Vec<(u8, Note)>, Never> {}
            }),
            methods(quote! {
                #[action(evt_key = "painted")]
                fn colour(
                    &mut self, #[arg(default = Colour::Red)] to: paint::Colour
                ) -> Result<(), Never> {}
            }),
            methods(quote! {
                #[action]
                fn action_context(&self, cx: &ActionContext) -> Result<u8, Never> {}
            }),
            block(
                quote!(),
                quote! {
                    impl Account<Eur> {
                        #[action]
                        fn eur(&self) -> Result<u8, Never> {}
                    }
                },
            ),
            block(
                quote!(resource = "bank-account"),
                quote! {
                    impl Account {
                        #[action(evt_key = "told")]
                        fn tell(&mut self, last: Option<AccountEvent>) -> Result<(), Never> {}
                    }
                },
            ),
            // The name belongs to another module, to an associated type, or to a field.
            methods(quote! {
                #[action(evt_key = "shelf-noted")]
                fn note(
                    &mut self, notes: Vec<model::Note>
                ) -> Result<<Shelf as HasNote>::Note, Never> {}
                #[action]
                fn item(&self, all: Box<dyn Iterator<Item = u8>>) -> Result<u8, Never> {}
            }),
            block(
                quote!(),
                quote! {
                    impl model::Job {
                        #[action]
                        fn job(&self) -> Result<u8, Never> {}
                    }
                },
            ),
            // Perhaps only one of the two exists.
            methods(quote! {
                #[cfg(unix)]
                #[action(evt_key = "shelf-noted")]
                fn note(&mut self) -> Result<(), Never> {}
                #[cfg(windows)]
                #[action(evt_key = "shelf-written")]
                fn write(&mut self, notes: Vec<Note>) -> Result<(), Never> {}
            }),
        ],
        expect![[r##"
            #[action(evt_key = "shelf-noted")] fn note(&mut self, notes: Vec<Note>) -> Result<(), Never> { }
                the command would be named `Note` and hide the `Note` that the block uses: name it with `command = ".."`
                `Note` is used here: write `self::Note` where the generated type is meant
            #[action(evt_key = "note")] fn write(&mut self) -> Result<(), Never> { } #[action] fn read(&self) -> Result<Vec<(u8, Note)>, Never> { }
                the event would be named `Note` and hide the `Note` that the block uses: choose another `evt_key`
                `Note` is used here: write `self::Note` where the generated type is meant
            #[action(evt_key = "painted")] fn colour(&mut self, #[arg(default = Colour::Red)] to: paint::Colour) -> Result<(), Never> { }
                the command would be named `Colour` and hide the `Colour` that the block uses: name it with `command = ".."`
                `Colour` is used here: write `self::Colour` where the generated type is meant
            #[action] fn action_context(&self, cx: &ActionContext) -> Result<u8, Never> { }
                the command would be named `ActionContext` and hide the `ActionContext` that the block uses: name it with `command = ".."`
                `ActionContext` is used here: write `self::ActionContext` where the generated type is meant
            #[aggregate()] impl Account<Eur> { #[action] fn eur(&self) -> Result<u8, Never> { } }
                `Account<Eur>` is one of several types with this name: give it its own by `#[aggregate(name = "..")]`
                the command would be named `Eur` and hide the `Eur` that the block uses: name it with `command = ".."`
                `Eur` is used here: write `self::Eur` where the generated type is meant
            #[aggregate(resource = "bank-account")] impl Account { #[action(evt_key = "told")] fn tell(&mut self, last: Option<AccountEvent>) -> Result<(), Never> { } }
                the enum of the events would be named `AccountEvent` and hide the `AccountEvent` that the block uses: choose another beginning with `#[aggregate(name = "..")]`
                `AccountEvent` is used here: write `self::AccountEvent` where the generated type is meant
            #[action(evt_key = "shelf-noted")] fn note(&mut self, notes: Vec<model::Note>) -> Result<<Shelf as HasNote>::Note, Never> { } #[action] fn item(&self, all: Box<dyn Iterator<Item = u8>>) -> Result<u8, Never> { }
                fine
            #[aggregate()] impl model::Job { #[action] fn job(&self) -> Result<u8, Never> { } }
                fine
            #[cfg(unix)] #[action(evt_key = "shelf-noted")] fn note(&mut self) -> Result<(), Never> { } #[cfg(windows)] #[action(evt_key = "shelf-written")] fn write(&mut self, notes: Vec<Note>) -> Result<(), Never> { }
                fine
        "##]],
    );
}
